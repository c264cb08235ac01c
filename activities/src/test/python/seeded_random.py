"""The draws of SeededRandom: Gaussians of a stream (seed, purpose, index, position), as Java has them.

SplitMix64 (Steele et al. 2014) behind the ziggurat of Marsaglia and Tsang 2000 with 128 layers. GuidedEnsembleTest holds
what is drawn here against Java.
"""

import math

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
SAMPLE_XT, SAMPLE_STEP_NOISE = 7, 8
R, V = 3.442619855899, 9.91256303526217e-3


def edges():
    f = math.exp(-0.5 * R * R)
    x = [V / f, R]
    for _ in range(2, 128):
        x.append(math.sqrt(-2 * math.log(V / x[-1] + f)))
        f = math.exp(-0.5 * x[-1] ** 2)
    return [*x, 0.0]


X = edges()


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Stream:
    def __init__(self, seed, purpose, index, position):
        h = mix((seed + GAMMA) & MASK)
        h = mix(h ^ mix(purpose))
        h = mix(h ^ mix((index + 0x632BE59BD9B4E019) & MASK))
        self.state = mix(h ^ mix((position + 0xD1B54A32D192ED03) & MASK))

    def bits(self):
        self.state = (self.state + GAMMA) & MASK
        return mix(self.state)

    def uniform(self):
        return (self.bits() >> 11) * 2.0**-53

    def gaussian(self):
        while True:
            bits = self.bits()
            layer, u = bits & 127, 2 * (bits >> 11) * 2.0**-53 - 1
            x = u * X[layer]
            if abs(u) < X[layer + 1] / X[layer]:
                return x
            if layer == 0:
                return self.tail(u < 0)
            f0, f1 = (math.exp(-0.5 * (edge**2 - x * x)) for edge in (X[layer], X[layer + 1]))
            if f1 + self.uniform() * (f0 - f1) < 1:
                return x

    def tail(self, negative):
        while True:
            x, y = math.log(1 - self.uniform()) / R, math.log(1 - self.uniform())
            if -2 * y >= x * x:
                return x - R if negative else R - x


def gaussians(seed, purpose, index, position, n):
    stream = Stream(seed, purpose, index, position)
    return [stream.gaussian() for _ in range(n)]

package dev.atelier.evaluation;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.Buffer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The built-in extractor: three strided convolutions with fixed random weights. It needs no
 * download and compares models of one experiment; its distances mean nothing beyond that and are
 * named after it. Features: mean and standard deviation of every channel of the last two layers, D
 * = 192.
 */
public final class RandomConvExtractor {

  /** Its name in specs and protocols. */
  public static final String NAME = "random-conv";

  private static final long SEED = 20241004; // any number, never changed: it is the extractor
  private static final int[] WIDTHS = {3, 32, 32, 64};

  private static final String METHODS =
      """
      def forward(self, x: Tensor) -> Tensor:
        x0 = torch.sub(torch.div(x, 127.5), 1.)
        x1 = torch.relu(torch.conv2d(x0, self.w1, None, [1, 1], [1, 1]))
        x2 = torch.relu(torch.conv2d(x1, self.w2, None, [2, 2], [1, 1]))
        x3 = torch.relu(torch.conv2d(x2, self.w3, None, [2, 2], [1, 1]))
        m2 = torch.mean(x2, [2, 3])
        m3 = torch.mean(x3, [2, 3])
        s2 = torch.std(x2, [2, 3], False)
        s3 = torch.std(x3, [2, 3], False)
        return torch.cat([m2, s2, m3, s3], 1)
      """;

  private RandomConvExtractor() {}

  /** Writes the extractor's TorchScript file, always the same. */
  public static void write(Path file) throws IOException {
    SeededRandom random = new SeededRandom(SEED);
    Map<String, Attribute> weights = new LinkedHashMap<>();
    for (int layer = 1; layer < WIDTHS.length; layer++) {
      int in = WIDTHS[layer - 1];
      int out = WIDTHS[layer];
      float[] w = new float[out * in * 9];
      random.stream(Purpose.INITIALISATION, layer, 0).gaussians(w, 0, w.length);
      float scale = (float) Math.sqrt(2.0 / (in * 9)); // He et al. 2015: keeps the variance
      for (int i = 0; i < w.length; i++) {
        w[i] *= scale;
      }
      weights.put("w" + layer, new Buffer(HostTensor.ofFloats(w, out, in, 3, 3)));
    }
    TorchScriptArchive.write(file, new TorchScriptModule("RandomConv", METHODS, weights));
  }
}

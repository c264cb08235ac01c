package dev.atelier.network.tensors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;

/** Elements of 2 bytes, read as float32, which is exact. */
enum HalfPrecision {
  F16 {
    @Override
    float widened(short half) {
      // IEEE 754 binary16: a sign, 5 bits of exponent with bias 15, 10 of fraction.
      int sign = (half & 0x8000) << 16;
      int exponent = half >> 10 & 0x1f;
      int fraction = half & 0x3ff;
      if (exponent == 0) {
        return Math.copySign(fraction * 0x1p-24f, Float.intBitsToFloat(sign | 0x3f800000));
      }
      int wide = exponent == 0x1f ? 0xff : exponent + 127 - 15;
      return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
    }
  },
  BF16 {
    @Override
    float widened(short half) {
      return Float.intBitsToFloat(half << 16);
    }
  };

  static final int BYTES = 2;

  abstract float widened(short half);

  /** Widens as many elements as {@code from} has left to the start of {@code to}. */
  void widen(ByteBuffer from, ByteBuffer to) {
    ShortBuffer halves = from.order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
    FloatBuffer floats = to.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    while (halves.hasRemaining()) {
      floats.put(widened(halves.get()));
    }
  }
}

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
      return Float16.widen(half);
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

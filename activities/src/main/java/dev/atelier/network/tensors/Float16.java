package dev.atelier.network.tensors;

/** Numbers of IEEE 754 binary16: a sign, 5 bits of exponent with bias 15, 10 of fraction. */
public final class Float16 {

  /** Bytes of one. */
  public static final int BYTES = 2;

  private static final float[] WIDE = new float[1 << Short.SIZE]; // read millions of times a step

  static {
    for (int half = 0; half < WIDE.length; half++) {
      WIDE[half] = computed(half);
    }
  }

  private Float16() {}

  /** As float32, which is exact. */
  public static float widen(short half) {
    return WIDE[half & 0xffff];
  }

  private static float computed(int half) {
    int sign = (half & 0x8000) << 16;
    int exponent = half >> 10 & 0x1f;
    int fraction = half & 0x3ff;
    if (exponent == 0) {
      return Math.copySign(fraction * 0x1p-24f, Float.intBitsToFloat(sign | 0x3f800000));
    }
    int wide = exponent == 0x1f ? 0xff : exponent + 127 - 15;
    return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
  }

  /** The nearest one, of two the even one; infinite from 65520 on. */
  public static short narrow(float value) {
    int bits = Float.floatToIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    int size = bits & 0x7fffffff;
    if (size > 0x7f800000) {
      return (short) (sign | 0x7e00); // not a number
    }
    if (size >= 0x477ff000) {
      return (short) (sign | 0x7c00);
    }
    if (size < 0x38800000) { // below the smallest normal one, 2⁻¹⁴
      return (short) (sign | (int) Math.rint(Math.abs(value) * 0x1p24));
    }
    int rounded = size + 0xfff + (size >> 13 & 1);
    return (short) (sign | (rounded - ((127 - 15) << 23)) >>> 13);
  }
}

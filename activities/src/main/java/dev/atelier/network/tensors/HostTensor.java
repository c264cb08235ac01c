package dev.atelier.network.tensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.Optional;

/**
 * A dense tensor in this process's memory (or a mapped file): row-major, little-endian.
 *
 * <p>Buffers made here are direct and start on a 64-byte boundary, as libtorch's own do, so that
 * vectorised kernels give the same bits for the same numbers.
 *
 * <p>A tensor of half precision is one of float32 that is widened each time it is read: what is
 * held is what the file has.
 */
public final class HostTensor {

  /** Element types that Atelier's files and archives hold. */
  public enum DType {
    F32(4),
    F64(8),
    I64(8),
    U8(1);

    private final int bytes;

    DType(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }
  }

  private static final int ALIGNMENT = 64;
  private static final int PART_ELEMENTS = 1 << 18; // of half precision, widened at a time

  private final DType dtype;
  private final long[] shape;
  private final ByteBuffer data;
  private final Optional<HalfPrecision> half; // present: data has elements of 2 bytes

  /** Wraps {@code data}: exactly the elements of {@code shape}, from position to limit. */
  public HostTensor(DType dtype, long[] shape, ByteBuffer data) {
    this(dtype, shape, data, Optional.empty());
  }

  /** Wraps elements of half precision, as {@code F32}; it can be read, and not written. */
  HostTensor(HalfPrecision half, long[] shape, ByteBuffer data) {
    this(DType.F32, shape, data, Optional.of(half));
  }

  private HostTensor(DType dtype, long[] shape, ByteBuffer data, Optional<HalfPrecision> half) {
    this.dtype = dtype;
    this.shape = shape.clone();
    this.data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
    this.half = half;
    int bytes = half.isPresent() ? HalfPrecision.BYTES : dtype.bytes();
    long expected = Math.multiplyExact(elements(shape), bytes);
    if (this.data.capacity() != expected) {
      throw new IllegalArgumentException(
          "A tensor of shape %s needs %d bytes, found %d."
              .formatted(Arrays.toString(shape), expected, this.data.capacity()));
    }
  }

  /** An all-zero tensor. */
  public static HostTensor zeros(DType dtype, long... shape) {
    long bytes = Math.multiplyExact(elements(shape), dtype.bytes());
    if (bytes > Integer.MAX_VALUE - ALIGNMENT) {
      throw new IllegalArgumentException(
          "A tensor of shape %s has %d bytes: one tensor may have at most 2 GiB."
              .formatted(Arrays.toString(shape), bytes));
    }
    ByteBuffer raw = ByteBuffer.allocateDirect((int) bytes + ALIGNMENT);
    int skip = (ALIGNMENT - raw.alignmentOffset(0, ALIGNMENT)) % ALIGNMENT;
    return new HostTensor(dtype, shape, raw.position(skip).limit(skip + (int) bytes));
  }

  public static HostTensor ofFloats(float[] values, long... shape) {
    HostTensor tensor = zeros(DType.F32, shape);
    tensor.putFloats(values);
    return tensor;
  }

  public static HostTensor ofDoubles(double[] values, long... shape) {
    HostTensor tensor = zeros(DType.F64, shape);
    tensor.putDoubles(values);
    return tensor;
  }

  public static HostTensor ofLongs(long[] values, long... shape) {
    HostTensor tensor = zeros(DType.I64, shape);
    tensor.putLongs(values);
    return tensor;
  }

  public DType dtype() {
    return dtype;
  }

  public long[] shape() {
    return shape.clone();
  }

  public long elements() {
    return elements(shape);
  }

  /**
   * The elements, from position 0 to the limit; writing changes the tensor. Of a tensor of half
   * precision a widened copy, which is read-only.
   */
  public ByteBuffer data() {
    return half.map(this::widened).orElseGet(() -> data.duplicate().order(ByteOrder.LITTLE_ENDIAN));
  }

  /** Whether it has half precision, and is widened whenever it is read. */
  public boolean isHalf() {
    return half.isPresent();
  }

  private ByteBuffer widened(HalfPrecision precision) {
    HostTensor wide = zeros(dtype, shape);
    precision.widen(data.duplicate(), wide.data());
    return wide.data().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Writes the elements, as {@link #data} has them; memory doesn't grow with their number. */
  public void writeTo(WritableByteChannel channel) throws IOException {
    if (half.isEmpty()) {
      writeFully(channel, data());
      return;
    }
    int elements = data.capacity() / HalfPrecision.BYTES;
    ByteBuffer part = ByteBuffer.allocate(Math.min(elements, PART_ELEMENTS) * dtype.bytes());
    for (int from = 0; from < elements; from += PART_ELEMENTS) {
      int count = Math.min(PART_ELEMENTS, elements - from);
      ByteBuffer halves = data.slice(from * HalfPrecision.BYTES, count * HalfPrecision.BYTES);
      half.get().widen(halves, part.clear());
      writeFully(channel, part.limit(count * dtype.bytes()));
    }
  }

  private static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** The same elements in another shape; shares this tensor's memory. */
  public HostTensor reshaped(long... other) {
    return new HostTensor(dtype, other, data, half);
  }

  public void putFloats(float[] values) {
    data().asFloatBuffer().put(values);
  }

  public void putDoubles(double[] values) {
    data().asDoubleBuffer().put(values);
  }

  public void putLongs(long[] values) {
    data().asLongBuffer().put(values);
  }

  /** All elements as float; {@code F32} only. */
  public float[] toFloats() {
    float[] copy = new float[Math.toIntExact(elements())];
    copyFloats(copy);
    return copy;
  }

  /** Whether all elements are numbers; {@code F32} only. */
  public boolean isFinite() {
    for (float value : toFloats()) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  /** Copies all elements into {@code values}; {@code F32} only. */
  public void copyFloats(float[] values) {
    if (dtype != DType.F32) {
      throw new IllegalStateException("Expected a tensor of F32, found %s.".formatted(dtype));
    }
    data().asFloatBuffer().get(values);
  }

  /** All elements as double; {@code F32} or {@code F64}. */
  public double[] toDoubles() {
    double[] values = new double[Math.toIntExact(elements())];
    if (dtype == DType.F64) {
      data().asDoubleBuffer().get(values);
    } else {
      float[] floats = toFloats();
      Arrays.setAll(values, i -> floats[i]);
    }
    return values;
  }

  /** Rows [from, to) along the first dimension; shares this tensor's memory. */
  public HostTensor rows(long from, long to) {
    long rowBytes = shape[0] == 0 ? 0 : elements() / shape[0] * dtype.bytes();
    long[] part = shape.clone();
    part[0] = to - from;
    return new HostTensor(
        dtype,
        part,
        data().position(Math.toIntExact(from * rowBytes)).limit(Math.toIntExact(to * rowBytes)));
  }

  /** A copy of an {@code F32} [N, C, H, W], with its elements in the order [N, H, W, C]. */
  public HostTensor channelsLast() {
    int images = Math.toIntExact(shape[0]);
    int channels = Math.toIntExact(shape[1]);
    int pixels = Math.toIntExact(shape[2] * shape[3]);
    HostTensor copy = zeros(dtype, shape[0], shape[2], shape[3], shape[1]);
    FloatBuffer from = data().asFloatBuffer();
    FloatBuffer to = copy.data().asFloatBuffer();
    for (int n = 0; n < images; n++) {
      for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < channels; c++) {
          to.put(from.get((n * channels + c) * pixels + pixel));
        }
      }
    }
    return copy;
  }

  /**
   * How many elements a shape has.
   *
   * @throws ArithmeticException if there is no such number
   */
  static long elements(long[] shape) {
    long n = 1;
    for (long size : shape) {
      n = Math.multiplyExact(n, size);
    }
    return n;
  }

  @Override
  public String toString() {
    return dtype + Arrays.toString(shape);
  }
}

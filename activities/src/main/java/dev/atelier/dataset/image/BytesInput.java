package dev.atelier.dataset.image;

import javax.imageio.stream.ImageInputStreamImpl;

/** A file in memory, read where it lies. */
final class BytesInput extends ImageInputStreamImpl {

  private final byte[] bytes;
  private final int size;

  BytesInput(byte[] bytes, int size) {
    this.bytes = bytes;
    this.size = size;
  }

  @Override
  public int read() {
    bitOffset = 0;
    return streamPos < size ? bytes[(int) streamPos++] & 0xFF : -1;
  }

  @Override
  public int read(byte[] into, int offset, int length) {
    bitOffset = 0;
    if (length == 0) {
      return 0;
    }
    int count = (int) Math.min(length, size - streamPos);
    if (count <= 0) {
      return -1;
    }
    System.arraycopy(bytes, (int) streamPos, into, offset, count);
    streamPos += count;
    return count;
  }

  @Override
  public long length() {
    return size;
  }
}

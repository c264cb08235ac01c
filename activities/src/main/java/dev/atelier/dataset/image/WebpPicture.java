package dev.atelier.dataset.image;

import com.luciad.imageio.webp.WebPReadParam;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import javax.imageio.ImageReader;

/** A WebP image, lossy or lossless; of an animation the first frame, on black. */
final class WebpPicture implements Picture {

  private static final int HEADER_BYTES = 12; // RIFF, size, WEBP
  private static final int CHUNK_BYTES = 8;
  private static final int FRAME_BYTES = 16; // of ANMF before the frame's own chunks
  private static final int NATIVE_BYTES_PER_PIXEL = 4;
  private static final int MARGIN = 2; // pixels; libwebp crops at even places only

  private final ByteBuffer file;
  private final Rectangle frame;
  private final int width;
  private final int height;
  private final Turn turn;
  private final boolean lossless;
  private final ImageReader reader;

  /**
   * Reads the container.
   *
   * @throws IOException when a chunk that it names is not there
   */
  WebpPicture(byte[] bytes) throws IOException {
    file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    Turn turned = Turn.NONE;
    Optional<Rectangle> canvas = Optional.empty();
    Optional<Rectangle> animated = Optional.empty();
    byte[] still = bytes;
    boolean whole = false;
    boolean hasLossless = false;
    int at = HEADER_BYTES;
    while (at + CHUNK_BYTES <= bytes.length) {
      String type = new String(bytes, at, 4, StandardCharsets.ISO_8859_1);
      int length = file.getInt(at + 4);
      int data = at + CHUNK_BYTES;
      if (length < 0 || length > bytes.length - data) {
        if (whole) {
          break; // what follows the image makes no pixels
        }
        throw new EOFException("The WebP data ends early.");
      }
      switch (type) {
        case "VP8X" ->
            canvas = Optional.of(new Rectangle(unsigned24(data + 4) + 1, unsigned24(data + 7) + 1));
        case "VP8 " -> whole = true;
        case "VP8L" -> {
          whole = true;
          hasLossless = true;
        }
        case "EXIF" -> turned = exif(bytes, data, length);
        case "ANMF" -> {
          if (animated.isEmpty()) {
            animated = Optional.of(bounds(data));
            still = still(data, length);
            whole = true;
            hasLossless = true; // or not: the more memory of the two
          }
        }
        default -> {}
      }
      at = data + length + (length & 1);
    }
    if (!whole) {
      throw new EOFException("The WebP data ends early.");
    }
    turn = turned;
    lossless = hasLossless;
    reader = Libwebp.reader();
    reader.setInput(new BytesInput(still, still.length));
    Rectangle decoded = new Rectangle(reader.getWidth(0), reader.getHeight(0));
    frame =
        animated.map(b -> new Rectangle(b.x, b.y, decoded.width, decoded.height)).orElse(decoded);
    Rectangle shown = animated.isPresent() ? canvas.orElse(frame) : decoded;
    width = shown.width;
    height = shown.height;
  }

  private static Turn exif(byte[] bytes, int at, int length) {
    boolean named =
        length > 6 && new String(bytes, at, 4, StandardCharsets.ISO_8859_1).equals("Exif");
    return named
        ? new TiffDirectory(bytes, at + 6, length - 6).turn()
        : new TiffDirectory(bytes, at, length).turn();
  }

  private int unsigned24(int at) {
    return (file.getShort(at) & 0xFFFF) | (file.get(at + 2) & 0xFF) << 16;
  }

  private Rectangle bounds(int data) {
    return new Rectangle(
        2 * unsigned24(data),
        2 * unsigned24(data + 3),
        unsigned24(data + 6) + 1,
        unsigned24(data + 9) + 1);
  }

  /** A frame of an animation as a file of its own, since libwebp's decoder takes no others. */
  private byte[] still(int data, int length) throws IOException {
    if (length < FRAME_BYTES) {
      throw new EOFException("The WebP data ends early.");
    }
    Rectangle bounds = bounds(data);
    int chunks = length - FRAME_BYTES;
    int extended = CHUNK_BYTES + 10;
    ByteBuffer still =
        ByteBuffer.allocate(HEADER_BYTES + extended + chunks).order(ByteOrder.LITTLE_ENDIAN);
    still.put("RIFF".getBytes(StandardCharsets.ISO_8859_1));
    still.putInt(still.capacity() - CHUNK_BYTES);
    still.put("WEBPVP8X".getBytes(StandardCharsets.ISO_8859_1));
    still.putInt(10);
    still.putInt(0x10); // may have alpha
    put24(still, bounds.width - 1);
    put24(still, bounds.height - 1);
    still.put(file.array(), data + FRAME_BYTES, chunks);
    return still.array();
  }

  private static void put24(ByteBuffer buffer, int value) {
    buffer.putShort((short) value);
    buffer.put((byte) (value >> 16));
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int height() {
    return height;
  }

  @Override
  public Turn turn() {
    return turn;
  }

  /** A lossless image is decoded as a whole before a region is cut from it, as is any's alpha. */
  @Override
  public long fixedBytes() {
    return file.capacity() + (lossless ? NATIVE_BYTES_PER_PIXEL : 1L) * frame.width * frame.height;
  }

  @Override
  public int bytesPerPixel() {
    return Integer.BYTES + NATIVE_BYTES_PER_PIXEL;
  }

  @Override
  public void read(Rectangle region, Rows rows) throws IOException {
    new Inset(frame, new byte[3]).read(region, this::readFrame, rows);
  }

  /** Reads a region of the frame with a margin, since colours at a crop's edge lack neighbours. */
  private void readFrame(Rectangle region, Rows rows) throws IOException {
    int left = Math.max(0, (region.x & ~1) - MARGIN);
    int top = Math.max(0, (region.y & ~1) - MARGIN);
    WebPReadParam param = (WebPReadParam) reader.getDefaultReadParam();
    param.setUseCropping(true);
    param.setCropLeft(left);
    param.setCropTop(top);
    param.setCropWidth(Math.min(frame.width, region.x + region.width + MARGIN) - left);
    param.setCropHeight(Math.min(frame.height, region.y + region.height + MARGIN) - top);
    BufferedImage image = reader.read(0, param);
    Raster wanted =
        image
            .getRaster()
            .createChild(region.x - left, region.y - top, region.width, region.height, 0, 0, null);
    RgbRow.read(image.getColorModel(), wanted, rows);
  }

  @Override
  public void close() {
    reader.dispose();
  }
}

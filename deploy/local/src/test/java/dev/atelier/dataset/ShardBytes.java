package dev.atelier.dataset;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Writes a shard of a WebDataset in memory, member by member. */
public final class ShardBytes implements AutoCloseable {

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final TarArchiveOutputStream tar = new TarArchiveOutputStream(out);

  /** A black image with one pixel of that colour. */
  public ShardBytes image(String name, int rgb) throws IOException {
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, rgb);
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(image, "png", png);
    return add(name, png.toByteArray());
  }

  public ShardBytes text(String name, String text) throws IOException {
    return add(name, text.getBytes(StandardCharsets.UTF_8));
  }

  private ShardBytes add(String name, byte[] bytes) throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(bytes.length);
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
    return this;
  }

  /** The shard, to which nothing can be added after this. */
  public byte[] written() throws IOException {
    tar.close();
    return out.toByteArray();
  }

  @Override
  public void close() throws IOException {
    tar.close();
  }
}

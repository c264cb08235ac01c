package dev.atelier.dataset;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Writes a shard of a WebDataset, member by member. */
final class WebDatasetFiles implements AutoCloseable {

  private final TarArchiveOutputStream tar;

  WebDatasetFiles(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    tar = new TarArchiveOutputStream(Files.newOutputStream(file));
  }

  /** An image of one colour, of so much red. */
  WebDatasetFiles image(String name, int red) throws IOException {
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 64; i++) {
      image.setRGB(i % 8, i / 8, red << 16);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, "png", out);
    return add(name, out.toByteArray());
  }

  WebDatasetFiles text(String name, String text) throws IOException {
    return add(name, text.getBytes(StandardCharsets.UTF_8));
  }

  private WebDatasetFiles add(String name, byte[] bytes) throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(bytes.length);
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
    return this;
  }

  @Override
  public void close() throws IOException {
    tar.close();
  }
}

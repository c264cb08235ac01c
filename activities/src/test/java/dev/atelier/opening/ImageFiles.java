package dev.atelier.opening;

import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.opening.BoobyTrap.Deed;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.SourcePolicy;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;

/** Datasets to open: healthy images of two classes, and one that does a deed between others. */
final class ImageFiles {

  static final int RESOLUTION = 8;

  private ImageFiles() {}

  /** 20 images in the folders {@code set/a} and {@code set/b}, and a file that is none. */
  static Map<String, byte[]> healthy() throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    for (int i = 0; i < 20; i++) {
      files.put("set/%s/%02d.png".formatted(i < 10 ? "a" : "b", i), png(i));
    }
    files.put("set/notes.txt", new byte[100]);
    return files;
  }

  /** {@code count} images that do a deed, after a healthy one. */
  static Map<String, byte[]> trapped(Deed deed, int count) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    files.put("a.png", png(1));
    for (int i = 0; i < count; i++) {
      files.put("b%d.bmp".formatted(i), BoobyTrap.image(deed));
    }
    return files;
  }

  private static byte[] png(int seed) throws IOException {
    BufferedImage image = new BufferedImage(12, 10, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 120; i++) {
      image.setRGB(i % 12, i / 12, 0x123457 * (seed + 1) * (i + 1));
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, "png", out);
    return out.toByteArray();
  }

  static Path zip(Path file, Map<String, byte[]> entries) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    }
    return file;
  }

  static Path folder(Path folder, Map<String, byte[]> entries) throws IOException {
    for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
      Path file = folder.resolve(entry.getKey());
      Files.createDirectories(file.getParent());
      Files.write(file, entry.getValue());
    }
    return folder;
  }

  /** The dataset below {@code path}, whose name is its source. */
  static Opening.Dataset dataset(Path path) {
    return new Opening.Dataset(path, spec(path), SourcePolicy.OPEN, ArchiveLimits.DEFAULTS);
  }

  static DatasetSpec spec(Path path) {
    return new DatasetSpec(path.getFileName().toString(), "", RESOLUTION, null);
  }

  static DatasetSpec withClasses(Path path) {
    return new DatasetSpec(path.getFileName().toString(), "", RESOLUTION, 15, 3, true);
  }
}

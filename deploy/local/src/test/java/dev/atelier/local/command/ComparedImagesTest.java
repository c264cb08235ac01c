package dev.atelier.local.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code fid} and {@code metrics} make of files. */
class ComparedImagesTest {

  private static final int IMAGES = 200; // more than random-conv has features
  private static final int SIDE = 8;
  private static final int UPSIDE_DOWN = 3; // of EXIF's orientations
  private static final int IHDR_END = 33;

  @TempDir Path folder;

  @Test
  void shouldTurnImagesAsExifSaysWhenAsked() throws IOException {
    Path stored = Files.createDirectory(folder.resolve("stored"));
    Path seen = Files.createDirectory(folder.resolve("seen"));
    for (int i = 0; i < IMAGES; i++) {
      Files.write(stored.resolve(i + ".png"), withOrientation(png(i, false)));
      Files.write(seen.resolve(i + ".png"), png(i, true));
    }

    assertThat(distance(stored, seen, "--exif-orientation")).isBetween(-1e-4, 1e-4);
    assertThat(distance(stored, seen)).isGreaterThan(0.01); // as pytorch-fid, not applied
  }

  private double distance(Path a, Path b, String... options) {
    String[] arguments = {
      "fid",
      a.toString(),
      b.toString(),
      "--extractor",
      "random-conv",
      "--data",
      folder.toString(),
      "--resolution",
      "" + SIDE
    };
    int given = arguments.length;
    String[] all = Arrays.copyOf(arguments, given + options.length);
    System.arraycopy(options, 0, all, given, options.length);
    CommandOutput output = CommandOutput.of(all);
    assertThat(output.err()).isEmpty();
    return Double.parseDouble(output.out().lines().reduce((before, line) -> line).orElseThrow());
  }

  /** Light below, of a slope that differs from image to image; or above. */
  private static byte[] png(int number, boolean upsideDown) throws IOException {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        int noise = (number * 31 + y * 17 + x * 7 + x * y * number) % 64;
        int light = y * 20 + noise;
        int row = upsideDown ? SIDE - 1 - y : y;
        int column = upsideDown ? SIDE - 1 - x : x;
        image.setRGB(column, row, light << 16 | light << 8 | noise);
      }
    }
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(image, "png", png);
    return png.toByteArray();
  }

  private static byte[] withOrientation(byte[] png) {
    ByteBuffer exif = ByteBuffer.allocate(26);
    exif.put(new byte[] {'M', 'M', 0, 42}).putInt(8);
    exif.putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1);
    exif.putShort((short) UPSIDE_DOWN).putShort((short) 0).putInt(0);
    ByteBuffer chunk = ByteBuffer.allocate(4 + 26);
    chunk.put(new byte[] {'e', 'X', 'I', 'f'}).put(exif.array());
    CRC32 crc = new CRC32();
    crc.update(chunk.array());
    ByteBuffer all = ByteBuffer.allocate(png.length + 12 + 26);
    all.put(png, 0, IHDR_END).putInt(26).put(chunk.array()).putInt((int) crc.getValue());
    all.put(png, IHDR_END, png.length - IHDR_END);
    return all.array();
  }
}

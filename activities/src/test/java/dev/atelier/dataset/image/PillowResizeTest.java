package dev.atelier.dataset.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.DatasetSpec.ExifOrientation;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/** Against Pillow's pixels (resources: images/lanczos.py). */
class PillowResizeTest {

  private record Case(int width, int height, int toWidth, int toHeight, Form form) {}

  private enum Form {
    RAMP,
    DOT,
    NOISE,
    WAVES
  }

  private static final Case[] CASES = {
    new Case(256, 256, 32, 32, Form.RAMP),
    new Case(64, 64, 16, 16, Form.DOT),
    new Case(100, 37, 16, 16, Form.NOISE),
    new Case(8, 8, 33, 33, Form.NOISE),
    new Case(33, 33, 32, 32, Form.NOISE),
    new Case(1, 1, 4, 4, Form.NOISE),
    new Case(1, 500, 4, 16, Form.RAMP),
    new Case(64, 64, 64, 8, Form.NOISE),
    new Case(31, 57, 13, 29, Form.WAVES),
    new Case(128, 128, 32, 32, Form.WAVES),
  };

  private static byte[] pixels(Case image) {
    byte[] pixels = new byte[image.height * image.width * 3];
    for (int y = 0, i = 0; y < image.height; y++) {
      for (int x = 0; x < image.width; x++) {
        for (int c = 0; c < 3; c++, i++) {
          pixels[i] =
              (byte)
                  switch (image.form) {
                    case RAMP -> x % 256;
                    case DOT -> x / 2 == image.width / 4 && y / 2 == image.height / 4 ? 255 : 0;
                    case NOISE -> (x * 7919 + y * 104729 + c * 1299709 + x * y * 31) % 251;
                    case WAVES -> (x * x + y * y * (c + 1)) / 16 % 256;
                  };
        }
      }
    }
    return pixels;
  }

  @Test
  void shouldEqualPillowBitForBitUpAndDownAtWholeAndBrokenRatios() throws IOException {
    try (InputStream expected =
        Objects.requireNonNull(PillowResizeTest.class.getResourceAsStream("/images/lanczos.bin"))) {
      for (Case image : CASES) {
        byte[] resized =
            PillowResize.resize(
                PillowResize.Filter.LANCZOS,
                pixels(image),
                image.width,
                image.height,
                3,
                image.toWidth,
                image.toHeight);
        assertThat(resized)
            .as(image.toString())
            .isEqualTo(expected.readNBytes(image.toWidth * image.toHeight * 3));
      }
      assertThat(expected.read()).isEqualTo(-1);
    }
  }

  /** A pixel's centre stays where it was: the mean of a ramp's pixels, not their first. */
  @Test
  void shouldNotShiftWhatAFileShows() throws IOException {
    BufferedImage ramp = new BufferedImage(256, 256, BufferedImage.TYPE_BYTE_GRAY);
    for (int y = 0; y < 256; y++) {
      for (int x = 0; x < 256; x++) {
        ramp.getRaster().setSample(x, y, 0, x);
      }
    }
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(ramp, "png", png);

    byte[] chw = new ImageDecoder(32, ExifOrientation.IGNORED).decode(png.toByteArray());

    for (int i = 3; i < 29; i++) { // beyond the reach of the borders
      assertThat(chw[16 * 32 + i] & 0xFF).isBetween(8 * i + 3, 8 * i + 4);
    }
  }

  @Test
  void shouldReturnTheSamePixelsWhenTheSizeStays() {
    Case image = new Case(9, 7, 9, 7, Form.NOISE);
    assertThat(PillowResize.resize(PillowResize.Filter.LANCZOS, pixels(image), 9, 7, 3, 9, 7))
        .isEqualTo(pixels(image));
  }
}

package dev.atelier;

import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;

/** What clip_fixture.py made. */
public final class ClipFixture {

  private ClipFixture() {}

  private static Path resource(String name) {
    try {
      return Path.of(ClipFixture.class.getResource("/clip/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The folder of a tiny CLIPModel. */
  public static Path model() {
    return resource("model");
  }

  /** What transformers, torchmetrics and NumPy make. */
  public static SafetensorsFile answers() throws IOException {
    return SafetensorsFile.read(resource("answers.safetensors"));
  }

  /** The i-th picture of the fixture, or one of another size: [3, size, size]. */
  public static byte[] picture(int size, int i) {
    byte[] chw = new byte[3 * size * size];
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
          chw[(c * size + y) * size + x] =
              (byte) (x * x * 3 + y * y * 5 + x * y * (c + 1) + 40 * c + 17 * i + 90 * x / size);
        }
      }
    }
    return chw;
  }
}

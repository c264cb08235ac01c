package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.DatasetSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NumPy writes the arrays; what is read must be their pixels. */
class NumpyImagesTest {

  private static final int SIDE = 8;

  @TempDir Path directory;

  @Test
  @RequiresPython
  void shouldReadTheSamplesOfGuidedDiffusionToThePixel() throws IOException {
    Python.run(
        directory,
        """
        import numpy
        random = numpy.random.default_rng(0)
        images = random.integers(0, 256, (12, 8, 9, 3), dtype=numpy.uint8)
        numpy.savez('plain.npz', images, numpy.arange(12))
        with open('packed.NPZ', 'wb') as file:
            numpy.savez_compressed(file, images)
        images[:, :, :8].transpose(0, 3, 1, 2).tofile('pixels')
        """);
    byte[] expected = Files.readAllBytes(directory.resolve("pixels"));
    int each = 3 * SIDE * SIDE;
    for (String name : List.of("plain.npz", "packed.NPZ")) {
      assertThat(NumpyImages.isIn(directory.resolve(name))).isTrue();
      PackedImages images = prepared(name);
      assertThat(images.count()).as(name).isEqualTo(12);
      byte[] found = new byte[12 * each];
      for (int i = 0; i < 12; i++) {
        images.copy(i, found, i * each);
      }
      assertThat(found).as(name).isEqualTo(expected);
    }
  }

  @Test
  @RequiresPython
  void shouldSayWhatAnArrayIsThatHoldsNoImages() {
    Python.run(
        directory,
        """
        import numpy
        numpy.savez('floats.npz', numpy.zeros((2, 8, 8, 3), 'f4'))
        numpy.savez('planes.npz', numpy.zeros((2, 3, 8, 8), 'u1'))
        numpy.savez('fortran.npz', numpy.asfortranarray(numpy.zeros((2, 8, 8, 3), 'u1')))
        numpy.savez('statistics.npz', mu=numpy.zeros(2), sigma=numpy.eye(2))
        numpy.savez('good.npz', numpy.zeros((40, 8, 8, 3), 'u1'))
        import zipfile
        header = zipfile.ZipFile('good.npz').read('arr_0.npy')[:128]
        with zipfile.ZipFile('short.npz', 'w') as z:
            z.writestr('arr_0.npy', header + bytes(3 * 8 * 8 * 5))
        """);
    refuses("floats.npz", "Array 'arr_0' is <f4[2, 8, 8, 3], expected |u1[N, H, W, 3]");
    refuses("planes.npz", "Array 'arr_0' is |u1[2, 3, 8, 8], expected |u1[N, H, W, 3]");
    refuses("fortran.npz", "|u1[2, 8, 8, 3] in Fortran's order");
    refuses("short.npz", "Array 'arr_0' ends early: expected 40 images, found 5");
    refuses("statistics.npz", "found none");
  }

  private void refuses(String name, String why) {
    assertThatThrownBy(() -> prepared(name))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining(why);
  }

  private PackedImages prepared(String name) throws IOException {
    Path folder = Files.createTempDirectory(directory, "prepared");
    DatasetManifest manifest =
        new DatasetPreparation(
                directory.resolve("downloads"),
                uri -> {
                  throw new IOException("no s3");
                },
                sentence -> {})
            .prepare(new DatasetSpec(directory.resolve(name).toString(), "", SIDE, 100), folder)
            .manifest();
    return PackedImages.open(
        manifest, manifest.shards().stream().map(shard -> folder.resolve(shard.name())).toList());
  }
}

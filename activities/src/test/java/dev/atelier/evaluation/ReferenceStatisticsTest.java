package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReferenceStatisticsTest {

  private static final String SHA256 = "ab".repeat(32);
  private static final Gaussian GAUSSIAN =
      new Gaussian(new double[] {1.5, -2}, new double[] {2, 0.25, 0.25, 1});

  @TempDir Path directory;

  @Test
  void shouldSurviveWritingAndReadingAndGiveTheSameBytesAgain() throws IOException {
    Path file = directory.resolve("stats.npz");
    Path again = directory.resolve("again.npz");
    new ReferenceStatistics(GAUSSIAN, OptionalLong.of(50), Optional.of(SHA256)).write(file);
    ReferenceStatistics read = ReferenceStatistics.read(file);
    assertThat(read.gaussian().mean()).containsExactly(GAUSSIAN.mean());
    assertThat(read.gaussian().covariance()).containsExactly(GAUSSIAN.covariance());
    assertThat(read.images()).hasValue(50);
    assertThat(read.extractorSha256()).contains(SHA256);
    read.write(again);
    assertThat(again).hasSameBinaryContentAs(file);
  }

  @Test
  @RequiresPython
  void shouldBeReadByNumpy() throws Exception {
    new ReferenceStatistics(GAUSSIAN, OptionalLong.of(50), Optional.of(SHA256))
        .write(directory.resolve("stats.npz"));
    Python.run(
        directory,
        """
        import numpy
        f = numpy.load('stats.npz')
        assert sorted(f.keys()) == ['extractor_sha256', 'images', 'mu', 'sigma'], f.keys()
        assert f['mu'].dtype == numpy.float64 and f['mu'][:].tolist() == [1.5, -2]
        assert f['sigma'][:].tolist() == [[2, .25], [.25, 1]] and int(f['images']) == 50
        assert str(f['extractor_sha256']) == 'ab' * 32
        """);
  }

  @Test
  @RequiresPython
  void shouldReadWhatNumpyWrites() throws Exception {
    Python.run(
        directory,
        """
        import numpy
        mu, sigma = numpy.array([1.5, -2]), numpy.array([[2, .25], [.25, 1]])
        numpy.savez('plain.npz', mu=mu, sigma=sigma)
        numpy.savez_compressed('more.npz', mu=mu.astype('f4'), sigma=numpy.asfortranarray(sigma),
                               images=numpy.int64(50), extractor_sha256='ab' * 32,
                               other=numpy.array([True]))
        with open('mu2.npy', 'wb') as f:
            numpy.lib.format.write_array(f, mu, version=(2, 0))
        import zipfile
        with zipfile.ZipFile('version2.npz', 'w') as z:
            z.write('mu2.npy', 'mu.npy')
            with z.open('sigma.npy', 'w') as f:
                numpy.lib.format.write_array(f, sigma, version=(3, 0))
        numpy.savez('wide.npz', mu=mu, sigma=sigma[:1])
        numpy.savez('nan.npz', mu=mu * numpy.nan, sigma=sigma)
        numpy.savez('half.npz', mu=mu.astype('f2'), sigma=sigma)
        numpy.savez('fortran.npz', a=numpy.asfortranarray(numpy.arange(6.).reshape(2, 3)))
        """);
    for (String name : new String[] {"plain.npz", "more.npz", "version2.npz"}) {
      ReferenceStatistics read = ReferenceStatistics.read(directory.resolve(name));
      assertThat(read.gaussian().mean()).as(name).containsExactly(GAUSSIAN.mean());
      assertThat(read.gaussian().covariance()).as(name).containsExactly(GAUSSIAN.covariance());
    }
    assertThat(ReferenceStatistics.read(directory.resolve("plain.npz")).images()).isEmpty();
    ReferenceStatistics more = ReferenceStatistics.read(directory.resolve("more.npz"));
    assertThat(more.images()).hasValue(50);
    assertThat(more.extractorSha256()).contains(SHA256);
    assertThat(
            NumpyArchive.read(directory.resolve("fortran.npz"), List.of("a"))
                .get("a")
                .numbers()
                .orElseThrow())
        .containsExactly(0, 1, 2, 3, 4, 5);
    refuses("wide.npz", "expected sigma [2, 2] as mu has 2 numbers, found [1, 2]");
    refuses("nan.npz", "number 0 of 'mu' is NaN, expected a finite one");
    refuses("half.npz", "expected an array 'mu' with 1 axes of numbers, found <f2[2]");
  }

  /** Arrays of other tools, whatever they are, and what NumPy on Python 2 wrote. */
  @Test
  @RequiresPython
  void shouldSkipUnrelatedArrays() {
    Python.run(
        directory,
        """
        import io, zipfile, numpy
        mu, sigma = numpy.array([1.5, -2]), numpy.array([[2, .25], [.25, 1]])
        structured = numpy.array([(1, 2.)], dtype=[('n', '<i4'), ('v', '<f8')])
        numpy.savez('struct.npz', mu=mu, sigma=sigma, info=structured, images=structured,
                    extractor_sha256=structured[0])
        numpy.savez('objects.npz', mu=mu, sigma=sigma, images=numpy.array(['a', None], dtype=object))
        numpy.savez('pixels.npz', mu=mu, sigma=sigma, images=numpy.zeros((2, 8, 8, 3), 'u1'))
        with zipfile.ZipFile('python2.npz', 'w') as z:
            for name, array in dict(mu=mu, sigma=sigma).items():
                shape = '(' + ', '.join(str(n) + 'L' for n in array.shape) + ',)'
                header = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }" % shape
                header = header.ljust(117) + chr(10)
                z.writestr(name + '.npy', b'\\x93NUMPY\\x01\\x00' + bytes([len(header), 0]) + header.encode() + array.tobytes())
        """);
    for (String name : new String[] {"struct.npz", "objects.npz", "pixels.npz", "python2.npz"}) {
      ReferenceStatistics read = ReferenceStatistics.read(directory.resolve(name));
      assertThat(read.gaussian().covariance()).as(name).containsExactly(GAUSSIAN.covariance());
      assertThat(read.images()).as(name).isEmpty();
      assertThat(read.extractorSha256()).as(name).isEmpty();
    }
  }

  /** NumPy's own covariances pass, with fewer images than features and in float32 too. */
  @Test
  @RequiresPython
  void shouldRefuseASigmaThatIsNoCovariance() {
    Python.run(
        directory,
        """
        import numpy
        random = numpy.random.default_rng(0)
        x = random.standard_normal((40, 64)) @ random.standard_normal((64, 64)) + 100
        sigma, mu = numpy.cov(x, rowvar=False), x.mean(0)
        wide = x.astype('f4')
        centred = wide - wide.mean(0)
        numpy.savez('singular.npz', mu=mu, sigma=sigma)
        numpy.savez('single.npz', mu=mu, sigma=centred.T @ centred / numpy.float32(39))
        numpy.savez('zero.npz', mu=mu, sigma=0 * sigma)
        numpy.savez('negative.npz', mu=mu, sigma=-sigma)
        values, vectors = numpy.linalg.eigh(sigma)
        values[0] = -1e-3 * values[-1]
        numpy.savez('one.npz', mu=mu, sigma=(vectors * values) @ vectors.T)
        sigma[3, 5] += 1e-2 * abs(sigma).max()
        numpy.savez('skew.npz', mu=mu, sigma=sigma)
        """);
    try (LinearAlgebra algebra = new LinearAlgebra()) {
      for (String name : new String[] {"singular.npz", "single.npz", "zero.npz"}) {
        ReferenceStatistics.read(directory.resolve(name)).requireCovariance(name, algebra);
      }
      for (String name : new String[] {"negative.npz", "one.npz"}) {
        ReferenceStatistics read = ReferenceStatistics.read(directory.resolve(name));
        assertThatThrownBy(() -> read.requireCovariance(name, algebra))
            .isInstanceOf(EvaluationException.class)
            .hasMessageContaining(
                "'%s': sigma is no covariance, as its least eigenvalue is -", name);
      }
    }
    refuses("skew.npz", "sigma is no covariance, as sigma[5, 3] is ");
  }

  @Test
  void shouldTakeTheNetworkThatTheUserNamesWhereTheFileNamesNone() {
    ReferenceStatistics unknown =
        new ReferenceStatistics(GAUSSIAN, OptionalLong.empty(), Optional.empty());
    assertThat(unknown.madeBy("s.npz", Optional.empty()).extractorSha256()).isEmpty();
    assertThat(unknown.madeBy("s.npz", Optional.of("inception-2015-12-05")).extractorSha256())
        .contains(FeatureExtractor.INCEPTION_SHA256);
    ReferenceStatistics known =
        new ReferenceStatistics(GAUSSIAN, OptionalLong.empty(), Optional.of(SHA256));
    assertThat(known.madeBy("s.npz", Optional.of(SHA256))).isEqualTo(known);
    assertThatThrownBy(() -> known.madeBy("s.npz", Optional.of("inception-2015-12-05")))
        .isInstanceOf(EvaluationException.class)
        .hasMessageContaining("than the one named: expected sha256 f58c")
        .hasMessageContaining("found " + SHA256);
  }

  private void refuses(String name, String why) {
    assertThatThrownBy(() -> ReferenceStatistics.read(directory.resolve(name)))
        .isInstanceOf(EvaluationException.class)
        .hasMessageContaining("'" + name + "'")
        .hasMessageContaining(why);
  }

  @Test
  void shouldSayWhatIsWrongWithAFileThatHoldsNoStatistics() throws IOException {
    Files.writeString(directory.resolve("notes.npz"), "not a zip");
    refuses("notes.npz", "expected an .npz with mu and sigma");
    Map<String, NumpyArchive.Entry> arrays = new LinkedHashMap<>();
    arrays.put("mu", NumpyArchive.Entry.of(new double[] {1}, 1));
    NumpyArchive.write(directory.resolve("alone.npz"), arrays);
    refuses("alone.npz", "expected an array 'sigma' with 2 axes of numbers, found only [mu]");
  }

  @Test
  void shouldRefuseArraysThatAreTogetherTooLarge() throws IOException {
    byte[] small = npy("3000000,", 3_000_000); // 24 MB
    byte[] large = npy("34000000,", 0); // says it has 272 MB
    zip("short.npz", Map.of("mu", npy("3000000,", 0)));
    refuses("short.npz", "Array 'mu' ends early: expected 24000000 bytes");
    zip("large.npz", Map.of("mu", large));
    refuses("large.npz", "Array 'mu' takes 272000000 bytes as float64");
    zip("both.npz", new TreeMap<>(Map.of("mu", small, "sigma", large)));
    refuses("both.npz", "Array 'sigma' takes 272000000 bytes as float64, and with those before it");
    zip("unrelated.npz", new TreeMap<>(Map.of("mu", small, "other", large)));
    refuses("unrelated.npz", "found only [mu]"); // what is not wanted is not read
  }

  @Test
  void shouldRefuseAShapeThatIsNone() throws IOException {
    for (String shape : List.of("99999999999,", "2000000000, 2000000000, 2000000000")) {
      zip("none.npz", Map.of("mu", npy(shape, 0)));
      refuses("none.npz", "Array 'mu' has too many elements");
    }
  }

  /** An array of zeros, or of fewer than its shape says. */
  private static byte[] npy(String shape, int zeros) {
    String header = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }".formatted(shape);
    return ByteBuffer.allocate(10 + header.length() + zeros * Double.BYTES)
        .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0})
        .put(header.getBytes(StandardCharsets.US_ASCII))
        .array();
  }

  private void zip(String name, Map<String, byte[]> arrays) throws IOException {
    try (ZipOutputStream zip =
        new ZipOutputStream(Files.newOutputStream(directory.resolve(name)))) {
      zip.setLevel(Deflater.BEST_SPEED);
      for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
        zip.putNextEntry(new ZipEntry(array.getKey() + ".npy"));
        zip.write(array.getValue());
      }
    }
  }

  @Test
  void shouldRefuseStatisticsOfAnotherExtractor() {
    ReferenceStatistics known =
        new ReferenceStatistics(GAUSSIAN, OptionalLong.of(50), Optional.of(SHA256));
    known.requireExtractor("s.npz", "net.pt", SHA256, 2);
    assertThatThrownBy(() -> known.requireExtractor("s.npz", "net.pt", SHA256, 64))
        .isInstanceOf(EvaluationException.class)
        .hasMessageContaining("expected 64 features, which 'net.pt' gives, found 2");
    assertThatThrownBy(() -> known.requireExtractor("s.npz", "net.pt", "cd".repeat(32), 2))
        .hasMessageContaining("come from another extractor: expected sha256 cdcd");
    ReferenceStatistics unknown =
        new ReferenceStatistics(GAUSSIAN, OptionalLong.empty(), Optional.empty());
    unknown.requireExtractor("s.npz", "net.pt", "cd".repeat(32), 2);
    ReferenceStatistics few =
        new ReferenceStatistics(GAUSSIAN, OptionalLong.of(2), Optional.empty());
    assertThatThrownBy(() -> few.requireExtractor("s.npz", "net.pt", SHA256, 2))
        .hasMessageContaining("more than 2 images behind 's.npz', found 2");
  }
}

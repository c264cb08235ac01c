package dev.atelier.network.torchscript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.ModelRanges;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.libtorch.TorchModule.Mode;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PythonReadsFilesTest {
  @TempDir Path directory;

  private static final Network SMALL = small(0);
  private static final Network LARGE = large(0);

  private static Network small(int classes) {
    return Network.of(
        new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.empty()), 8, 3, classes);
  }

  private static Network large(int classes) {
    return Network.of(
        new NetworkSpec(16, List.of(1, 2), 1, List.of(4), 2, 0.0, Optional.empty()), 8, 3, classes);
  }

  private Path ensemble() throws IOException {
    return ensemble(SMALL, LARGE);
  }

  private Path ensemble(Network small, Network large) throws IOException {
    Path archive = directory.resolve("ensemble.pt");
    TorchScriptArchive.write(
        archive,
        EnsembleModule.of(
            new ModelRanges(
                List.of(
                    new TimestepRange(0, 300),
                    new TimestepRange(300, 700),
                    new TimestepRange(700, 1000)),
                1000),
            List.of(
                small.inferenceModule("Small", ClosedForm.weights(small)),
                large.inferenceModule("Large", ClosedForm.weights(large)),
                small.inferenceModule("Small", ClosedForm.weights(small))),
            small.classes(),
            false));
    return archive;
  }

  @Test
  void shouldRouteEachSampleToItsOwnerWhenTimestepsAreMixed() throws Exception {
    Path single = directory.resolve("large.pt");
    TorchScriptArchive.write(single, LARGE.inferenceModule("Large", ClosedForm.weights(LARGE)));
    HostTensor x = ClosedForm.tensor(1, 1, 0, 4, 3, 8, 8);
    HostTensor t = HostTensor.ofLongs(new long[] {5, 300, 999, 699}, 4);
    try (TorchModule ensemble = Libtorch.load(ensemble(), "cpu", Mode.INFERENCE);
        TorchModule large = Libtorch.load(single, "cpu", Mode.INFERENCE)) {
      float[] eps = ensemble.forward(x, t).toFloats();
      float[] own = large.forward(x, t).toFloats();
      for (int i = 0; i < eps.length; i++) {
        boolean middle = (i / 192) % 2 == 1;
        if (middle) {
          assertThat(eps[i]).isCloseTo(own[i], within(1e-5f));
        }
      }
      assertThat(eps[0]).isNotCloseTo(own[0], within(1e-4f));
      assertThatExceptionOfType(TorchException.class)
          .isThrownBy(() -> ensemble.forward(x, HostTensor.ofLongs(new long[] {5, 1000, 9, 6}, 4)))
          .withMessageContaining("t must be in [0, 1000).");
    }
  }

  @Test
  void shouldTellEachOwnerTheClassesOfItsSamples() throws Exception {
    HostTensor x = ClosedForm.tensor(1, 1, 0, 4, 3, 8, 8);
    HostTensor t = HostTensor.ofLongs(new long[] {5, 300, 999, 699}, 4);
    HostTensor y = HostTensor.ofLongs(new long[] {0, 2, 1, 0}, 4);
    Network network = small(3);
    Path single = directory.resolve("small.pt");
    TorchScriptArchive.write(single, network.inferenceModule("Small", ClosedForm.weights(network)));
    try (TorchModule ensemble = Libtorch.load(ensemble(network, network), "cpu", Mode.INFERENCE);
        TorchModule model = Libtorch.load(single, "cpu", Mode.INFERENCE)) {
      float[] eps = ensemble.forward(x, t, y).toFloats();
      float[] expected = model.forward(x, t, y).toFloats();
      float[] other =
          model.forward(x, t, HostTensor.ofLongs(new long[] {1, 0, 2, 1}, 4)).toFloats();
      for (int i = 0; i < eps.length; i++) {
        assertThat(eps[i]).isCloseTo(expected[i], within(1e-5f));
      }
      for (int i = 0; i < 4; i++) {
        assertThat(eps[192 * i]).isNotCloseTo(other[192 * i], within(1e-5f));
      }
      assertThatExceptionOfType(TorchException.class)
          .isThrownBy(() -> ensemble.forward(x, t, HostTensor.ofLongs(new long[] {0, 3, 1, 0}, 4)))
          .withMessageContaining("y must be in [0, 3).");
    }
  }

  @ParameterizedTest
  @RequiresPython
  @ValueSource(ints = {0, 4})
  void shouldGiveTheSameNumbersWhenPythonOpensTheEnsemble(int classes) throws Exception {
    Path archive = ensemble(small(classes), large(classes));
    long[] timesteps = {5, 300, 999, 699, 0, 700};
    HostTensor x = ClosedForm.tensor(1, 1, 0, 6, 3, 8, 8);
    HostTensor t = HostTensor.ofLongs(timesteps, 6);
    Files.write(directory.resolve("x.bin"), bytes(x));
    Files.write(directory.resolve("t.bin"), bytes(t));
    HostTensor y = HostTensor.ofLongs(new long[] {3, 0, 1, 2, 1, 3}, 6);
    Files.write(directory.resolve("y.bin"), bytes(y));
    Python.run(
        directory,
        """
        import numpy, torch
        m = torch.jit.load('ensemble.pt').eval()
        x = torch.from_numpy(numpy.fromfile('x.bin', dtype='<f4').reshape(6, 3, 8, 8))
        t = torch.from_numpy(numpy.fromfile('t.bin', dtype='<i8'))
        y = [torch.from_numpy(numpy.fromfile('y.bin', dtype='<i8'))] if CLASSES else []
        with torch.no_grad():
            m(x, t, *y).numpy().astype('<f4').tofile('eps.bin')
        try:
            m(x, t + 1000, *y)
            raise SystemExit('no error')
        except Exception as e:
            assert 't must be in [0, 1000).' in str(e), e
        """
            .replace("CLASSES", String.valueOf(classes)));
    HostTensor expected =
        new HostTensor(
            HostTensor.DType.F32,
            new long[] {6, 3, 8, 8},
            ByteBuffer.wrap(Files.readAllBytes(directory.resolve("eps.bin"))));
    try (TorchModule ensemble = Libtorch.load(archive, "cpu", Mode.INFERENCE)) {
      float[] eps = (classes > 0 ? ensemble.forward(x, t, y) : ensemble.forward(x, t)).toFloats();
      float[] theirs = expected.toFloats();
      for (int i = 0; i < eps.length; i++) {
        assertThat(eps[i]).isCloseTo(theirs[i], within(1e-5f));
      }
    }
  }

  @Test
  @RequiresPython
  void shouldHoldTheSameTensorsWhenPythonReadsSafetensors() throws Exception {
    Path file = directory.resolve("w.safetensors");
    SafetensorsFile.write(
        file,
        Map.of("a.b", HostTensor.ofFloats(new float[] {1, 2, 3, 4, 5, 6}, 2, 3)),
        Map.of("step", "7"));
    // The format read by its specification alone: length, JSON, bytes.
    Python.run(
        directory,
        """
        import json, numpy, torch
        b = open('w.safetensors', 'rb').read()
        n = int.from_bytes(b[:8], 'little')
        assert n % 8 == 0
        h = json.loads(b[8:8 + n])
        assert h['__metadata__'] == {'step': '7'}
        assert h['a.b'] == {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24]}, h
        assert numpy.frombuffer(b[8 + n:], '<f4').tolist() == [1, 2, 3, 4, 5, 6]
        try:
            from safetensors.numpy import load_file
        except ImportError:
            pass
        else:
            assert load_file('w.safetensors')['a.b'].tolist() == [[1, 2, 3], [4, 5, 6]]
        """);
  }

  private static byte[] bytes(HostTensor tensor) {
    byte[] bytes = new byte[tensor.data().remaining()];
    tensor.data().get(bytes);
    return bytes;
  }
}

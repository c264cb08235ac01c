package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Networks whose weights libtorch reads where they are. */
class LentWeightsTest {
  private static final Network NETWORK =
      Network.of(new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(4)), 8, 3);

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "F32, PORTABLE",
    "F16, PORTABLE",
    "BF16, PORTABLE",
    "F32, CPU",
    "F16, CPU",
    "BF16, CPU"
  })
  void shouldAnswerAsFromAnArchive(String dtype, NetworkForm form) throws Exception {
    Map<String, HostTensor> weights = SafetensorsFile.read(file(dtype, 1)).tensors();
    TorchScriptModule module = module(weights, form);
    float[] lent = lent(module);
    Path archive = directory.resolve("archive.pt");
    TorchScriptArchive.write(archive, module);
    try (TorchModule loaded = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      float[] copied = eps(loaded);
      assertThat(lent).hasSameSizeAs(copied);
      for (int i = 0; i < lent.length; i++) {
        assertThat(lent[i]).isCloseTo(copied[i], within(1e-6f));
      }
    }
    assertThat(lent(module(SafetensorsFile.read(file(dtype, 2)).tensors(), form)))
        .as("of other weights")
        .isNotEqualTo(lent);
  }

  private static TorchScriptModule module(Map<String, HostTensor> weights, NetworkForm form) {
    return NETWORK.inferenceModule("Network", weights, form, Precision.FP32);
  }

  private float[] lent(TorchScriptModule module) throws IOException {
    try (TorchModule loaded = Libtorch.load(module, "cpu", directory)) {
      return eps(loaded);
    }
  }

  private static float[] eps(TorchModule module) {
    float[] x = new float[2 * NETWORK.imageElements()];
    new SeededRandom(3).stream(SeededRandom.Purpose.SAMPLE_XT, 0, 0).gaussians(x, 0, x.length);
    return module
        .forward(HostTensor.ofFloats(x, 2, 3, 8, 8), HostTensor.ofLongs(new long[] {1, 900}, 2))
        .toFloats();
  }

  /** None of them zero, as some start. */
  private static Map<String, HostTensor> weights(SeededRandom random) {
    Map<String, HostTensor> weights = NETWORK.initialise(random);
    weights
        .values()
        .forEach(
            weight -> {
              float[] values = weight.toFloats();
              for (int i = 0; i < values.length; i++) {
                values[i] += 0.1f * (float) Math.sin(i);
              }
              weight.putFloats(values);
            });
    return weights;
  }

  /** Weights; of half precision their first bits. */
  private Path file(String dtype, long seed) throws IOException {
    Path file = directory.resolve("weights.safetensors");
    Map<String, HostTensor> start = weights(new SeededRandom(seed));
    if (dtype.equals("F32")) {
      SafetensorsFile.write(file, start, Map.of());
      return file;
    }
    Map<String, String> entries = new LinkedHashMap<>();
    int bytes = start.values().stream().mapToInt(w -> 2 * (int) w.elements()).sum();
    ByteBuffer data = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    start.forEach(
        (name, weight) -> {
          int begin = data.position();
          for (float value : weight.toFloats()) {
            data.putShort(dtype.equals("F16") ? float16(value) : bfloat16(value));
          }
          entries.put(
              name,
              "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(name, dtype, Arrays.toString(weight.shape()), begin, data.position()));
        });
    byte[] header =
        ("{" + String.join(",", entries.values()) + "}").getBytes(StandardCharsets.UTF_8);
    Files.write(
        file,
        ByteBuffer.allocate(8 + header.length + bytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .put(header)
            .put(data.array())
            .array());
    return file;
  }

  private static short bfloat16(float value) {
    return (short) (Float.floatToRawIntBits(value) >>> 16);
  }

  private static short float16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int exponent = ((bits >>> 23) & 0xff) - 127 + 15;
    return exponent <= 0
        ? 0
        : (short) (((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff));
  }
}

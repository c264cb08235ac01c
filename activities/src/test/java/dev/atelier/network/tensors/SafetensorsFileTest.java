package dev.atelier.network.tensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
  @TempDir Path directory;

  @Test
  void shouldReadWhatItWroteWhenTypesDiffer() throws Exception {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    tensors.put("z", HostTensor.ofFloats(new float[] {1.5f, -2}, 2));
    tensors.put("a", HostTensor.ofLongs(new long[] {Long.MIN_VALUE, 3, 4}, 3, 1));
    tensors.put("scalar", HostTensor.ofDoubles(new double[] {Math.PI}));
    tensors.put("empty", HostTensor.zeros(HostTensor.DType.F32, 0, 4));
    Path file = directory.resolve("f.safetensors");
    SafetensorsFile.write(file, tensors, Map.of("k", "v \"quoted\" é"));

    SafetensorsFile read = SafetensorsFile.read(file);
    assertThat(read.metadata()).isEqualTo(Map.of("k", "v \"quoted\" é"));
    assertThat(read.tensors()).hasSize(4);
    assertThat(read.tensors().get("z").toFloats()).containsExactly(1.5f, -2);
    assertThat(read.tensors().get("a").shape()).containsExactly(3, 1);
    assertThat(read.tensors().get("a").data().getLong(0)).isEqualTo(Long.MIN_VALUE);
    assertThat(read.tensors().get("scalar").toDoubles()).containsExactly(Math.PI);
    assertThat(read.tensors().get("empty").elements()).isZero();
  }

  /** More elements than are widened at a time, each of them another number. */
  @Test
  void shouldWriteHalfPrecisionAsTheFloatsThatItHolds() throws IOException {
    int elements = 600_001;
    byte[] header =
        "{\"h\":{\"dtype\":\"BF16\",\"shape\":[%d],\"data_offsets\":[0,%d]}}"
            .formatted(elements, 2 * elements)
            .getBytes(StandardCharsets.UTF_8);
    ByteBuffer content =
        ByteBuffer.allocate(8 + header.length + 2 * elements).order(ByteOrder.LITTLE_ENDIAN);
    content.putLong(header.length).put(header);
    for (int i = 0; i < elements; i++) {
      content.putShort((short) (i % 0x7f80)); // finite
    }
    Path halves = Files.write(directory.resolve("halves"), content.array());
    Path wide = directory.resolve("wide");
    SafetensorsFile read = SafetensorsFile.read(halves);
    SafetensorsFile.write(wide, read.tensors(), Map.of());

    SafetensorsFile written = SafetensorsFile.read(wide);
    assertThat(read.dtypes()).containsExactly("BF16");
    assertThat(written.dtypes()).containsExactly("F32");
    float[] floats = written.tensors().get("h").toFloats();
    assertThat(floats).hasSize(elements).isEqualTo(read.tensors().get("h").toFloats());
    assertThat(floats[600_000]).isEqualTo(Float.intBitsToFloat((600_000 % 0x7f80) << 16));
    assertThat(read.tensors().get("h").reshaped(1, elements).toFloats()).isEqualTo(floats);
  }

  @Test
  void shouldWriteTheSameBytesWhateverTheOrderOfTheMetadata() throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("step", "8");
    metadata.put("part", "ema");
    Map<String, String> reversed = new LinkedHashMap<>();
    reversed.put("part", "ema");
    reversed.put("step", "8");
    Path one = directory.resolve("one");
    Path other = directory.resolve("other");
    SafetensorsFile.write(one, Map.of(), metadata);
    SafetensorsFile.write(other, Map.of(), reversed);
    assertThat(one).hasSameBinaryContentAs(other);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}|8|unique names",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,8]}}|8|needs 4 bytes, found 8",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}|4|ends at 8",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}|8|starts at 4",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}|8|expected 4 bytes of data, found 8",
        "{'a':{'dtype':'Q7','shape':[1],'data_offsets':[0,4]}}|4|dtype 'Q7'",
        "{'a'|4|no JSON"
      })
  void shouldSayWhatIsWrongWhenAFileIsBroken(String header, int dataBytes, String message)
      throws IOException {
    Path file = directory.resolve("broken.safetensors");
    byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    ByteBuffer content =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(file, content.putLong(json.length).put(json).array());
    assertThatIOException()
        .isThrownBy(() -> SafetensorsFile.read(file))
        .withMessageStartingWith("Cannot read safetensors file '" + file + "': ")
        .withMessageContaining(message);
  }

  @Test
  void shouldSaySoWhenAFileIsCutShort() throws IOException {
    Path file = directory.resolve("f.safetensors");
    SafetensorsFile.write(file, Map.of("a", HostTensor.zeros(HostTensor.DType.F32, 100)), Map.of());
    byte[] whole = Files.readAllBytes(file);
    for (int length = 0; length < whole.length; length += 7) {
      Path cut = Files.write(directory.resolve("cut"), Arrays.copyOf(whole, length));
      assertThatIOException().isThrownBy(() -> SafetensorsFile.read(cut));
    }
  }
}

package dev.atelier.opening;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.ClipFixture;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.torchscript.TorchScriptFile;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.TeacherSpec;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(600)
class OpenerProcessTest {

  private static final OpenerProcess OPENER =
      new OpenerProcess(Duration.ofMinutes(1), 8_000_000_000L, 256L << 20);
  @TempDir Path directory;

  @Test
  void shouldPassAFileThatWorks() throws Exception {
    Path file = Path.of("src/test/resources/untrusted/ext-script.pt").toAbsolutePath();
    OPENER.open(extractor(file), directory, OpenerProcessTest::goOn);
  }

  @Test
  void shouldTryAClipModelApart() throws Exception {
    Path model = ClipFixture.model();
    List<String> files = List.of(model.toFile().list());
    OPENER.open(new Opening.Clip(model, "tiny", files), directory, OpenerProcessTest::goOn);
    Path other = Files.createDirectory(directory.resolve("other"));
    Files.writeString(other.resolve("config.json"), "{\"model_type\": \"siglip\"}");
    Opening.Clip opening = new Opening.Clip(other, "other", List.of("config.json"));
    assertThatThrownBy(() -> OPENER.open(opening, directory, OpenerProcessTest::goOn))
        .isInstanceOf(ExtractorException.class)
        .hasMessage(
            "The CLIP model 'other' cannot be used: config.json: model_type is \"siglip\", supported: \"clip\".");
  }

  @Test
  void shouldPassOnWhatIsWrongWithAFile() throws Exception {
    Path file = Files.writeString(directory.resolve("notes.npz"), "not a zip");
    assertThatThrownBy(
            () -> OPENER.open(new Opening.Statistics(file), directory, OpenerProcessTest::goOn))
        .isInstanceOf(EvaluationException.class)
        .hasMessageStartingWith("Cannot read reference statistics 'notes.npz': expected an .npz");
    Path teacher = Files.writeString(directory.resolve("teacher.bin"), "0123456789");
    assertThatThrownBy(() -> OPENER.open(teacher(teacher), directory, OpenerProcessTest::goOn))
        .isInstanceOf(TeacherException.class)
        .hasMessageStartingWith("Cannot import the teacher 'teacher.bin': expected a safetensors");
    Path archive = module("  torch.save(x, \"a\")\n  return x\n");
    assertThatThrownBy(() -> OPENER.open(extractor(archive), directory, OpenerProcessTest::goOn))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("the operator aten::save");
  }

  @Test
  void shouldSurviveAFileThatKillsWhoeverRunsIt() throws Exception {
    // What depends on one another is freed by recursion: it passes the check of its text.
    StringBuilder body = new StringBuilder("  y = torch.mean(x, [2, 3])\n");
    for (int i = 0; i < 60_000; i++) {
      body.append("  y = torch.neg(y)\n");
    }
    Path file = module(body.append("  return y\n").toString());
    assertThatThrownBy(() -> OPENER.open(extractor(file), directory, OpenerProcessTest::goOn))
        .isInstanceOf(ExtractorException.class)
        .hasMessageMatching(
            "Cannot use 'e.pt': it crashed the process that opened it \\(signal \\d+\\)\\.");
  }

  @Test
  void shouldEndAFileThatTakesTooLong() throws Exception {
    Path file = module("  i = 0\n  while torch.gt(1, 0):\n    i = torch.add(i, 1)\n  return x\n");
    OpenerProcess impatient = new OpenerProcess(Duration.ofSeconds(8), 8_000_000_000L, 256L << 20);
    assertThatThrownBy(() -> impatient.open(extractor(file), directory, OpenerProcessTest::goOn))
        .isInstanceOf(ExtractorException.class)
        .hasMessage("Cannot use 'e.pt': it took more than 8 s to open and to try it.");
  }

  @Test
  void shouldEndAFileThatTakesTooMuchMemory() throws Exception {
    Path file =
        module("  y = torch.ones([4000000000])\n  return torch.mean(torch.add(x, y[0]), [2, 3])\n");
    assertThatThrownBy(() -> OPENER.open(extractor(file), directory, OpenerProcessTest::goOn))
        .isInstanceOf(MemoryRanOutException.class)
        .hasMessageStartingWith("Cannot use 'e.pt': The extractor ran out of memory with ")
        .hasMessageContaining("×")
        .hasMessageContaining("allocate"); // 16 GB of address space: refused, not the machine's end
  }

  @Test
  void shouldGiveUpWhenItIsAskedTo() throws Exception {
    Path file = module("  while torch.gt(1, 0):\n    pass\n  return x\n");
    assertThatThrownBy(
            () ->
                OPENER.open(
                    extractor(file),
                    directory,
                    () -> {
                      throw new IllegalStateException("canceled");
                    }))
        .hasMessage("canceled");
  }

  @Test
  void shouldSayWhenTheHeapIsTooSmall() throws Exception {
    OpenerProcess small = new OpenerProcess(Duration.ofMinutes(1), 8_000_000_000L, 8L << 20);
    StringBuilder header = new StringBuilder("{");
    for (int i = 0; i < 30_000; i++) {
      header.append(i == 0 ? "" : ",").append("\"").append("n".repeat(300)).append(i);
      header.append("\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}");
    }
    byte[] json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
    Path file = directory.resolve("many.safetensors");
    Files.write(
        file,
        ByteBuffer.allocate(8 + json.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .put(json)
            .array());
    assertThatThrownBy(() -> small.open(teacher(file), directory, OpenerProcessTest::goOn))
        .isInstanceOf(TeacherException.class)
        .hasMessage("Cannot use 'teacher.bin': opening it takes more than 8 MB of heap.");
  }

  /**
   * Shapes that no bytes stand for: 500 million halves, and more elements than there are numbers.
   */
  @ParameterizedTest
  @CsvSource({
    "F16, '500000000', needs 1000000000 bytes",
    "F32, '4294967296,4294967296', has the shape",
    "F16, '2305843009213693952,2', has the shape"
  })
  void shouldSayWhichTensorClaimsMoreThanItHas(String dtype, String shape, String reason)
      throws Exception {
    byte[] json =
        "{\"claims\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[0,0]}}"
            .formatted(dtype, shape)
            .getBytes(StandardCharsets.UTF_8);
    Path file = directory.resolve("claims.safetensors");
    Files.write(
        file,
        ByteBuffer.allocate(8 + json.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .put(json)
            .array());
    assertThatThrownBy(() -> OPENER.open(teacher(file), directory, OpenerProcessTest::goOn))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("tensor 'claims'")
        .hasMessageContaining(reason);
  }

  /** SD 1.5's U-Net in float32, as a file without content. */
  @Test
  void shouldAllowWhatLargeWeightsTake() throws Exception {
    long bytes = 3_438_167_536L;
    OpenerProcess.Limits large = OPENER.limits(teacher(sparse(bytes)));
    OpenerProcess.Limits small = OPENER.limits(teacher(sparse(0)));
    assertThat(small.memoryBytes()).isEqualTo(8_000_000_000L);
    assertThat(small.time()).isEqualTo(Duration.ofMinutes(1));
    assertThat(large.memoryBytes()).isEqualTo(8_000_000_000L + 3 * bytes);
    assertThat(large.fileBytes()).isEqualTo(small.fileBytes() + 2 * bytes);
    assertThat(large.time()).isEqualTo(Duration.ofSeconds(60 + 343));
    assertThat(OPENER.limits(extractor(sparse(bytes))))
        .as("what is no teacher's weights is not paid for")
        .isEqualTo(small);
  }

  @Test
  void shouldCountTheWeightsThatAreReadOfAFolder() throws Exception {
    Path unet = Files.createDirectories(directory.resolve("pipeline/unet"));
    Files.writeString(unet.resolve("config.json"), "{}");
    Files.move(sparse(300_000_000), unet.resolve("diffusion_pytorch_model.safetensors"));
    Files.move(sparse(9_000_000_000L), unet.resolve("diffusion_pytorch_model.bin"));
    assertThat(teacher(unet.getParent()).weightsBytes()).isEqualTo(300_000_000);
  }

  @Test
  void shouldNameTheSettingWhenWeightsAreTooLarge() throws Exception {
    Path file = sparse(9_500_000_000L);
    RemoteOpener remote = new RemoteOpener("127.0.0.1", 1, OPENER); // where nobody answers
    for (Opener opener : List.of(OPENER, remote)) {
      assertThatThrownBy(() -> opener.open(teacher(file), directory, OpenerProcessTest::goOn))
          .isInstanceOf(TeacherException.class)
          .hasMessage(
              "Cannot use 'teacher.bin': its weights have 9500 MB, expected at most 8000 MB (atelier.opener.weights-bytes).");
    }
    Path fits = sparse(8_000_000_000L);
    assertThatThrownBy(() -> OPENER.open(teacher(fits), directory, OpenerProcessTest::goOn))
        .as("opened, and then refused for what it is")
        .hasMessageContaining("expected a safetensors file");
  }

  private Path sparse(long bytes) throws IOException {
    Path file = Files.createTempFile(directory, "weights", ".safetensors");
    try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "rw")) {
      content.setLength(bytes);
    }
    return file;
  }

  private static void goOn() {}

  private static Opening extractor(Path file) {
    return new Opening.Extractor(file, "e.pt", "0".repeat(64), Optional.empty(), 8);
  }

  private static Opening teacher(Path file) {
    return new Opening.Teacher(
        file,
        "teacher.bin",
        new TeacherImport.Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DiffusionSpec.DEFAULTS));
  }

  private Path module(String body) throws IOException {
    return TorchScriptFile.write(Files.createTempFile(directory, "module", ".pt"), body);
  }
}

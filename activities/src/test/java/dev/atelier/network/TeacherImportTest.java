package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.TeacherImport.Expected;
import dev.atelier.network.TeacherImport.Imported;
import dev.atelier.network.TeacherImport.TorchScript;
import dev.atelier.network.TeacherImport.Weights;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TeacherSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The directories and their eps come from {@code diffusers_fixture.py}. */
class TeacherImportTest {

  @TempDir Path directory;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final DiffusionSpec DIFFUSION = new DiffusionSpec(null, null, null, null);
  private static final NetworkSpec SMALL =
      new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 2, 0.0, Optional.of(4));

  @ParameterizedTest
  @ValueSource(strings = {"diffusers", "diffusers-deprecated"})
  void shouldGiveTheEpsOfDiffusersWhenItsDirectoryIsImported(String name) throws Exception {
    Weights teacher = (Weights) read(fixture(name));
    SafetensorsFile expected = SafetensorsFile.read(fixture("diffusers/eps.safetensors"));

    assertThat(teacher.network().spec()).isEqualTo(SMALL);
    float[] eps =
        eps(
            teacher.network(),
            teacher.tensors(),
            expected.tensors().get("x"),
            expected.tensors().get("t"));
    float[] theirs = expected.tensors().get("eps").toFloats();
    assertThat(eps).hasSameSizeAs(theirs);
    for (int i = 0; i < eps.length; i++) {
      assertThat(eps[i]).isCloseTo(theirs[i], within(1e-5f));
    }
  }

  @Test
  void shouldFindTheNetworkWhenItLiesInTheFolderUnet() throws Exception {
    Path unet = Files.createDirectory(directory.resolve("unet"));
    copy(fixture("diffusers"), unet);
    assertThat(read(directory)).isInstanceOf(Weights.class);
  }

  @Test
  void shouldReadAllShardsWhenTheDirectoryHasAnIndex() throws Exception {
    Path source = fixture("diffusers");
    Map<String, HostTensor> all = SafetensorsFile.read(weights(source)).tensors();
    ObjectNode index = JSON.createObjectNode();
    for (String shard : List.of("a.safetensors", "b.safetensors")) {
      Map<String, HostTensor> part = new LinkedHashMap<>(all);
      part.keySet().removeIf(n -> shard.startsWith("a") != n.startsWith("down"));
      part.keySet().forEach(n -> index.withObject("/weight_map").put(n, shard));
      SafetensorsFile.write(directory.resolve(shard), part, Map.of());
    }
    Files.copy(source.resolve("config.json"), directory.resolve("config.json"));
    JSON.writeValue(
        directory.resolve("diffusion_pytorch_model.safetensors.index.json").toFile(), index);

    assertThat(((Weights) read(directory)).tensors()).hasSameSizeAs(all);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "flip_sin_to_cos | true | false",
        "freq_shift | 0 | 1",
        "downsample_padding | 1 | 0",
        "norm_eps | 1e-5 | 1e-6",
        "act_fn | \"gelu\" | \"silu\"",
        "time_embedding_type | \"fourier\" | \"positional\"",
        "num_class_embeds | 10 | null",
        "mid_block_scale_factor | 2 | 1",
        "sample_size | 32 | dataset.resolution 8",
        "attention_head_dim | 3 | null, or one",
        "some_new_field | 7 | no such field"
      })
  void shouldNameTheFieldWhenTheConfigHasWhatIsNotSupported(
      String field, String value, String supported) throws Exception {
    copy(fixture("diffusers"), directory);
    Path config = directory.resolve("config.json");
    ObjectNode fields = (ObjectNode) JSON.readTree(config.toFile());
    fields.set(field, JSON.readTree(value));
    JSON.writeValue(config.toFile(), fields);

    assertThat(refusal(directory))
        .contains("config.json: %s is ".formatted(field))
        .contains("supported: " + supported);
  }

  @Test
  void shouldAcceptTheFieldsOfGooglesDdpmCifar10WhenOthersAreAbsent() throws Exception {
    NetworkSpec network =
        DiffusersConfig.network(
            JSON.readTree(
                """
                {"_class_name": "UNet2DModel", "_diffusers_version": "0.1.1", "act_fn": "silu",
                 "attention_head_dim": null, "block_out_channels": [128, 256, 256, 256],
                 "center_input_sample": false, "downsample_padding": 0, "flip_sin_to_cos": false,
                 "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
                 "freq_shift": 1, "in_channels": 3, "layers_per_block": 2,
                 "mid_block_scale_factor": 1, "norm_eps": 1e-06, "norm_num_groups": 32,
                 "out_channels": 3, "sample_size": 32, "time_embedding_type": "positional",
                 "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]}
                """),
            32,
            3,
            0);
    assertThat(network)
        .isEqualTo(
            new NetworkSpec(128, List.of(1, 2, 2, 2), 2, List.of(16), 1, 0.0, Optional.of(32)));
    assertThat(UNet.of(network, 32, 3).parameters()).isEqualTo(35_746_307L);
  }

  @Test
  void shouldSayWhatIsExpectedWhenThereIsOnlyAPickle() throws Exception {
    Files.copy(fixture("diffusers").resolve("config.json"), directory.resolve("config.json"));
    Files.write(directory.resolve("diffusion_pytorch_model.bin"), new byte[] {1});
    assertThat(refusal(directory))
        .contains("expected diffusion_pytorch_model.safetensors")
        .contains("only diffusion_pytorch_model.bin");
  }

  @Test
  void shouldListTensorsInOneSentenceWhenTheyDoNotFit() throws Exception {
    copy(fixture("diffusers"), directory);
    Map<String, HostTensor> tensors =
        new LinkedHashMap<>(SafetensorsFile.read(weights(fixture("diffusers"))).tensors());
    int all = tensors.size();
    tensors.remove("conv_in.bias");
    tensors.put("conv_out.bias", HostTensor.zeros(HostTensor.DType.F32, 4));
    tensors.put("extra", HostTensor.zeros(HostTensor.DType.F32, 1));
    SafetensorsFile.write(weights(directory), tensors, Map.of());
    assertThat(refusal(directory))
        .contains("conv_in.bias is missing")
        .contains("conv_out.bias: expected F32[3], found F32[4]")
        .contains("extra is unknown");

    Files.delete(weights(directory));
    SafetensorsFile.write(weights(directory), Map.of(), Map.of());
    assertThat(refusal(directory)).contains("; and %d more.".formatted(all - 10));
  }

  @Test
  void shouldRebuildTheNetworkFromTheFileWhenItIsOurOwnExport() throws Exception {
    UNet network = UNet.of(SMALL, 8, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Path file = ourFile(weights);

    Weights teacher = (Weights) read(file);

    assertThat(teacher.network().spec()).isEqualTo(SMALL);
    HostTensor x = ClosedForm.tensor(1, 1, 0, 2, 3, 8, 8);
    HostTensor t = HostTensor.ofLongs(new long[] {3, 998}, 2);
    assertThat(eps(teacher.network(), teacher.tensors(), x, t))
        .isEqualTo(eps(network, weights, x, t));
  }

  @Test
  void shouldRefuseOurFileWhenTheSpecDisagreesWithIt() throws Exception {
    Path file = ourFile(ClosedForm.weights(UNet.of(SMALL, 8, 3)));
    NetworkSpec wider = new NetworkSpec(16, List.of(1, 2), 1, List.of(4), 2, 0.0, Optional.of(4));
    NetworkSpec withDropout =
        new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 2, 0.3, Optional.of(4));
    DiffusionSpec cosine = new DiffusionSpec(null, DiffusionSpec.Schedule.COSINE, null, null);

    assertThat(refusal(file, new Expected(wider, 8, 3, 0, DIFFUSION)))
        .contains("teacher.network is NetworkSpec[channels=16");
    assertThat(refusal(file, new Expected(TeacherSpec.DEFAULT_NETWORK, 16, 3, 0, DIFFUSION)))
        .contains("it is for 8×8 images, but dataset.resolution is 16");
    assertThat(refusal(file, new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, cosine)))
        .contains("it was trained with DiffusionSpec[timesteps=1000, schedule=LINEAR");
    assertThat(read(file, new Expected(withDropout, 8, 3, 0, DIFFUSION)))
        .isInstanceOf(Weights.class);
  }

  @Test
  void shouldRebuildAConditionalNetworkFromOurOwnExport() throws Exception {
    Map<String, HostTensor> weights = ClosedForm.weights(UNet.of(SMALL, 8, 3, 5));
    Path file = directory.resolve("conditional.safetensors");
    SafetensorsFile.write(file, weights, new ModelMetadata(SMALL, 8, 3, 5, DIFFUSION).toStrings());

    Weights teacher = (Weights) read(file, expecting(5));
    assertThat(teacher.network().classes()).isEqualTo(5);
    assertThat(refusal(file, expecting(0)))
        .contains(
            "it is class-conditional with 5 classes, but the dataset is not class-conditional");
    assertThat(refusal(ourFile(ClosedForm.weights(UNet.of(SMALL, 8, 3))), expecting(5)))
        .contains(
            "it is not class-conditional, but the dataset is class-conditional with 5 classes");
  }

  @Test
  void shouldImportAConditionalDirectoryWhenTheDatasetHasItsClasses() throws Exception {
    copy(fixture("diffusers"), directory);
    Path config = directory.resolve("config.json");
    ObjectNode fields = (ObjectNode) JSON.readTree(config.toFile());
    fields.put("num_class_embeds", 5);
    JSON.writeValue(config.toFile(), fields);
    assertThat(refusal(directory, expecting(5))).contains("class_embedding.weight is missing");

    Map<String, HostTensor> tensors =
        new LinkedHashMap<>(SafetensorsFile.read(weights(fixture("diffusers"))).tensors());
    tensors.put("class_embedding.weight", ClosedForm.tensor(1, 1, 0, 5, 32));
    SafetensorsFile.write(weights(directory), tensors, Map.of());
    assertThat(((Weights) read(directory, expecting(5))).network().classes()).isEqualTo(5);
    assertThat(refusal(directory, expecting(4)))
        .contains("num_class_embeds is 5, supported: the dataset's 4 classes");
    assertThat(refusal(fixture("diffusers"), expecting(4)))
        .contains("num_class_embeds is null, supported: the dataset's 4 classes");
  }

  @Test
  void shouldAskATorchScriptFileForEpsOfAClassWhenTheDatasetHasSome() throws Exception {
    UNet network = UNet.of(SMALL, 8, 3, 5);
    Path file = directory.resolve("own.pt");
    TorchScriptArchive.write(file, network.inferenceModule("Theirs", ClosedForm.weights(network)));
    assertThat(((TorchScript) read(file, expecting(5))).parameters())
        .isEqualTo(network.parameters());
    assertThat(refusal(file, expecting(6)))
        .contains("t I64[2] and y I64[2]: ")
        .contains("index out of range");
    assertThat(refusal(file, expecting(0))).contains("can't be asked for eps of x F32");

    UNet unconditional = UNet.of(SMALL, 8, 3);
    TorchScriptArchive.write(
        file, unconditional.inferenceModule("Theirs", ClosedForm.weights(unconditional)));
    assertThat(refusal(file, expecting(5))).contains("t I64[2] and y I64[2]: ");
  }

  private static Expected expecting(int classes) {
    return new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, classes, DIFFUSION);
  }

  @Test
  void shouldTakeTheSpecsNetworkWhenTheFileNamesNone() throws Exception {
    Path file = weights(fixture("diffusers"));
    assertThat(read(file, new Expected(SMALL, 8, 3, 0, DIFFUSION))).isInstanceOf(Weights.class);
  }

  @Test
  void shouldRefuseWeightsWhenTheirEpsIsNotFinite() throws Exception {
    Map<String, HostTensor> weights = ClosedForm.weights(UNet.of(SMALL, 8, 3));
    weights.put("conv_out.bias", HostTensor.ofFloats(new float[] {0, Float.NaN, 0}, 3));
    assertThat(refusal(ourFile(weights))).contains("values that are not finite");
  }

  @Test
  void shouldCountParametersWhenItIsATorchScriptFile() throws Exception {
    UNet network = UNet.of(SMALL, 8, 3);
    Path file = directory.resolve("own.pt");
    TorchScriptArchive.write(file, network.inferenceModule("Theirs", ClosedForm.weights(network)));
    TorchScript read = (TorchScript) read(file);
    assertThat(read.parameters()).isEqualTo(network.parameters());
    assertThat(read.file()).hasSameBinaryContentAs(file);
    assertThat(refusal(file, new Expected(SMALL, 8, 3, 0, DIFFUSION)))
        .contains("leave teacher.network out");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "return torch.flatten(x, 1) | expected the shape of x",
        "return torch.div(x, 0) | values that are not finite",
        "return torch.add(x, torch.reshape(x, [7])) | can't be asked for eps"
      })
  void shouldRefuseATorchScriptFileWhenItGivesNoEps(String line, String reason) throws Exception {
    Path file = directory.resolve("wrong.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "Wrong",
            "def forward(self, x: Tensor, t: Tensor) -> Tensor:\n  " + line + "\n",
            Map.of()));
    assertThat(refusal(file)).contains(reason);
  }

  @Test
  void shouldSayWhatItExpectsWhenTheSourceIsNoModel() throws Exception {
    Path text = Files.writeString(directory.resolve("notes.txt"), "These are some notes.");
    Path zip = Files.write(directory.resolve("images.zip"), new byte[] {'P', 'K', 3, 4, 0, 0});
    assertThat(refusal(text)).contains("expected a safetensors file, a TorchScript file or a");
    assertThat(refusal(zip)).contains("expected a TorchScript file");
    assertThat(refusal(directory)).contains("expected config.json");
    assertThat(refusal(directory.resolve("none"))).contains("there is no file or directory");
  }

  private Path ourFile(Map<String, HostTensor> weights) throws IOException {
    Path file = directory.resolve("teacher.safetensors");
    SafetensorsFile.write(file, weights, new ModelMetadata(SMALL, 8, 3, 0, DIFFUSION).toStrings());
    return file;
  }

  private Imported read(Path path) throws IOException {
    return read(path, new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DIFFUSION));
  }

  private Imported read(Path path, Expected expected) throws IOException {
    return TeacherImport.read(path, "the source", expected, "cpu", directory);
  }

  private String refusal(Path path) {
    return refusal(path, new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DIFFUSION));
  }

  private String refusal(Path path, Expected expected) {
    var thrown =
        assertThatExceptionOfType(TeacherException.class)
            .isThrownBy(() -> read(path, expected))
            .withMessageStartingWith("Cannot import the teacher 'the source': ")
            .actual();
    assertThat(thrown.getMessage()).endsWith(".").doesNotContain("\n");
    return thrown.getMessage();
  }

  private float[] eps(UNet network, Map<String, HostTensor> weights, HostTensor x, HostTensor t)
      throws IOException {
    Path archive = directory.resolve("eps.pt");
    TorchScriptArchive.write(archive, network.inferenceModule("UNet", weights));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module.forward(x, t).toFloats();
    }
  }

  private static Path weights(Path directory) {
    return directory.resolve("diffusion_pytorch_model.safetensors");
  }

  private static void copy(Path from, Path to) throws IOException {
    for (String name : List.of("config.json", "diffusion_pytorch_model.safetensors")) {
      Files.copy(from.resolve(name), to.resolve(name));
    }
  }

  private Path fixture(String name) throws Exception {
    return Path.of(getClass().getResource("/network/" + name).toURI());
  }
}

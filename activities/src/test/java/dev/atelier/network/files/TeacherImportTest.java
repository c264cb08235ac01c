package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.files.TeacherImport.Expected;
import dev.atelier.network.files.TeacherImport.Imported;
import dev.atelier.network.files.TeacherImport.TorchScript;
import dev.atelier.network.files.TeacherImport.Weights;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.Prediction;
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
  private static final DiffusionSpec DIFFUSION = DiffusionSpec.DEFAULTS;
  private static final NetworkSpec SMALL =
      new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 2, 0.0, Optional.of(4));

  /** As UNet2DModel is unless told otherwise. */
  private static final NetworkSpec DEFAULTS =
      new NetworkSpec(
          8,
          List.of(1, 2),
          1,
          List.of(8, 4),
          1,
          0.0,
          Optional.of(4),
          Optional.of(8),
          Optional.of(NetworkSpec.Variant.DIFFUSERS));

  @ParameterizedTest
  @ValueSource(strings = {"diffusers", "diffusers-deprecated", "diffusers-default"})
  void shouldGiveTheEpsOfDiffusersWhenItsDirectoryIsImported(String name) throws Exception {
    boolean defaults = name.equals("diffusers-default");
    Weights teacher = (Weights) read(fixture(name));
    SafetensorsFile expected =
        SafetensorsFile.read(fixture(defaults ? name : "diffusers").resolve("eps.safetensors"));

    assertThat(teacher.network().spec()).isEqualTo(defaults ? DEFAULTS : SMALL);
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

  @ParameterizedTest
  @ValueSource(strings = {"diffusers", "diffusers-default"})
  void shouldWriteTheConfigThatDiffusersHas(String name) throws Exception {
    JsonNode theirs = JSON.readTree(fixture(name).resolve("config.json").toFile());
    ObjectNode config =
        DiffusersNetwork.config(((Weights) read(fixture(name))).network()).orElseThrow();
    assertThat(config.properties()).hasSizeGreaterThan(20);
    config
        .properties()
        .forEach(
            field -> {
              JsonNode expected = theirs.path(field.getKey());
              if (field.getValue().isNumber()) {
                assertThat(field.getValue().asDouble())
                    .as(field.getKey())
                    .isEqualTo(expected.asDouble());
              } else {
                assertThat(field.getValue()).as(field.getKey()).isEqualTo(expected);
              }
            });
  }

  @Test
  void shouldWriteNoConfigOfANetworkThatDiffusersDoesNotHave() {
    NetworkSpec groups = new NetworkSpec(24, List.of(1, 2), 1, null, null, null, Optional.empty());
    NetworkSpec heads = new NetworkSpec(8, List.of(1, 2), 1, List.of(8), 2, 0.0, Optional.of(4));
    NetworkSpec first = new NetworkSpec(8, List.of(2, 2), 1, List.of(8), 2, 0.0, Optional.of(4));
    for (NetworkSpec spec : List.of(groups, heads, first)) {
      assertThat(DiffusersNetwork.config(Network.of(spec, 8, 3))).as(spec.toString()).isEmpty();
    }
    assertThat(
            DiffusersNetwork.config(Network.of(SMALL, 8, 3, 5))
                .orElseThrow()
                .get("num_class_embeds")
                .asInt())
        .isEqualTo(5);
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
        "freq_shift | 0 | 1 beside flip_sin_to_cos false and downsample_padding 0",
        "downsample_padding | 1 | 0",
        "norm_eps | 1 | a number from 1e-12 to 0.01",
        "down_block_types | [\"DownBlock2D\", \"AttnSkipDownBlock2D\"] | one of AttnDownBlock2D, DownBlock2D, ResnetDownsampleBlock2D, SkipDownBlock2D for each of 2 widths",
        "mid_block_type | \"UNetMidBlock3D\" | UNetMidBlock2D or null",
        "out_channels | 5 | the images' 3 channels, or twice as many",
        "resnet_time_scale_shift | \"scale_shift\" | \"default\"",
        "act_fn | \"gelu\" | \"silu\"",
        "time_embedding_type | \"fourier\" | \"positional\"",
        "num_class_embeds | 10 | null",
        "mid_block_scale_factor | 2 | 1",
        "sample_size | 32 | dataset.resolution 8",
        "attention_head_dim | 3 | null, or one",
        "attention_head_dim | 4294967300 | null, or one",
        "attention_head_dim | \"4\" | null, or one",
        "sample_size | 8.5 | dataset.resolution 8",
        "out_channels | 4294967299 | the images' 3 channels, or twice as many",
        "norm_eps | \"1e-5\" | a number from 1e-12 to 0.01",
        "dropout | -0.1 | a number in [0, 1)",
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
  void shouldAskOnlyLevelsThatAttendWhetherTheirHeadsDivideThem() throws Exception {
    String config =
        """
        {"_class_name": "UNet2DConditionModel", "sample_size": 8, "block_out_channels": [8, 8], "norm_num_groups": 2,
         "cross_attention_dim": 4, "attention_head_dim": %s, "mid_block_type": null,
         "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"]}
        """;
    NetworkSpec network =
        DiffusersNetwork.network(JSON.readTree(config.formatted("[2, 3]")), 8, 4, 0);
    assertThat(network.crossAttention().orElseThrow().heads()).contains(List.of(2, 3));
    assertThat(Network.of(network, 8, 4).parameters()).isPositive();
    assertThatThrownBy(
            () -> DiffusersNetwork.network(JSON.readTree(config.formatted("[3, 2]")), 8, 4, 0))
        .hasMessageContaining("attention_head_dim is [3,2], supported: a number of heads");
  }

  @Test
  void shouldAcceptTheFieldsOfGooglesDdpmCifar10WhenOthersAreAbsent() throws Exception {
    NetworkSpec network =
        DiffusersNetwork.network(
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
    assertThat(Network.of(network, 32, 3).parameters()).isEqualTo(35_746_307L);
  }

  @Test
  void shouldSayWhatIsExpectedWhenThereIsOnlyAPickle() throws Exception {
    Files.copy(fixture("diffusers").resolve("config.json"), directory.resolve("config.json"));
    Files.write(directory.resolve("diffusion_pytorch_model.bin"), new byte[] {1});
    assertThat(refusal(directory))
        .contains("expected diffusion_pytorch_model.safetensors")
        .contains("only diffusion_pytorch_model.bin");
  }

  /**
   * As train_unconditional.py leaves a checkpoint: unet, and unet_ema with the EMA's own fields.
   */
  @Test
  void shouldTakeTheMovingAverageWhenTheFolderHasBoth() throws Exception {
    for (String folder : List.of("unet", "unet_ema")) {
      copy(fixture("diffusers"), Files.createDirectory(directory.resolve(folder)));
    }
    Path ema = directory.resolve("unet_ema");
    Map<String, HostTensor> average = new LinkedHashMap<>(tensors(fixture("diffusers")));
    average.put("conv_out.bias", HostTensor.ofFloats(new float[] {1, 2, 3}, 3));
    SafetensorsFile.write(weights(ema), average, Map.of());
    change(
        ema.resolve("config.json"),
        """
        {"decay": 0.999, "inv_gamma": 1.0, "min_decay": 0.0, "optimization_step": 10,
         "power": 0.75, "update_after_step": 0, "use_ema_warmup": true}
        """);

    Weights teacher = (Weights) read(directory);
    assertThat(teacher.tensors().get("conv_out.bias").toFloats()).containsExactly(1, 2, 3);
    assertThat(teacher.taken())
        .isEqualTo(
            "unet_ema/diffusion_pytorch_model.safetensors (the moving average; not unet beside it), F32; without a scheduler_config.json, nothing says on which forward process it was trained");
    assertThat(((Weights) read(ema)).tensors().get("conv_out.bias").toFloats())
        .containsExactly(1, 2, 3);
    Files.delete(ema.resolve("config.json"));
    assertThat(read(directory).taken()).startsWith("unet/diffusion_pytorch_model.safetensors, F32");
  }

  @Test
  void shouldTakeTheOnlyVariantAndRefuseToChooseAmongSeveral() throws Exception {
    copy(fixture("diffusers"), directory);
    Path variant = directory.resolve("diffusion_pytorch_model.fp16.safetensors");
    Files.move(weights(directory), variant);
    assertThat(read(directory).taken()).startsWith("diffusion_pytorch_model.fp16.safetensors, F32");
    Files.copy(variant, directory.resolve("diffusion_pytorch_model.bf16.safetensors"));
    assertThat(refusal(directory)).contains("one variant of it, found the variants bf16, fp16");

    Files.delete(directory.resolve("diffusion_pytorch_model.bf16.safetensors"));
    String shard = "diffusion_pytorch_model.fp16-00001-of-00001.safetensors";
    Files.move(variant, directory.resolve(shard));
    ObjectNode index = JSON.createObjectNode();
    index.withObject("/weight_map").put("conv_in.weight", shard);
    JSON.writeValue(
        directory.resolve("diffusion_pytorch_model.safetensors.index.fp16.json").toFile(), index);
    assertThat(read(directory).taken()).startsWith(shard + ", F32");
  }

  /** Widening is exact; float64 is rounded as PyTorch rounds. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "float16 | F16, widened to F32",
        "bfloat16 | BF16, widened to F32",
        "float64 | F64, rounded to F32"
      })
  @RequiresPython
  void shouldReadWhatTorchReadsOfOtherPrecisions(String dtype, String taken) throws Exception {
    copy(fixture("diffusers"), directory);
    Python.run(
        directory,
        """
        import torch
        from safetensors.torch import load_file, save_file
        name = 'diffusion_pytorch_model.safetensors'
        state = load_file(name)
        # Subnormal in float16, the greatest it has, zeros of both signs, and what bfloat16 rounds.
        state['conv_out.bias'] = torch.tensor([6e-8, -65504., -0.])
        state['conv_in.bias'] = torch.linspace(-1, 1, state['conv_in.bias'].numel(), dtype=torch.float64) / 3
        other = {k: v.to(torch.%s) for k, v in state.items()}
        save_file(other, name)
        save_file({k: v.float() for k, v in other.items()}, 'expected.safetensors')
        """
            .formatted(dtype));
    Weights teacher = (Weights) read(directory);
    Map<String, HostTensor> expected =
        SafetensorsFile.read(directory.resolve("expected.safetensors")).tensors();
    assertThat(teacher.tensors()).hasSameSizeAs(expected);
    expected.forEach(
        (name, tensor) ->
            assertThat(teacher.tensors().get(name).data()).as(name).isEqualTo(tensor.data()));
    assertThat(teacher.taken()).contains(".safetensors, " + taken);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'prediction_type': 'flow_prediction'} | prediction_type is flow_prediction, supported: epsilon, sample, v_prediction",
        "{'prediction_type': 'v_prediction'} | prediction_type is v_prediction, but diffusion.prediction is eps",
        "{'prediction_type': 'sample'} | prediction_type is sample, but diffusion.prediction is eps; the spec needs diffusion: {timesteps: 1000, schedule: linear, betaStart: 1.0E-4, betaEnd: 0.02, prediction: x0}",
        "{'beta_schedule': 'sigmoid'} | beta_schedule is sigmoid, supported: linear, scaled_linear or squaredcos_cap_v2",
        "{'beta_schedule': 'scaled_linear'} | beta_schedule is scaled_linear, but diffusion.schedule is linear; the spec needs diffusion: {timesteps: 1000, schedule: scaled-linear, betaStart: 1.0E-4, betaEnd: 0.02}",
        "{'rescale_betas_zero_snr': true} | rescale_betas_zero_snr is true, but diffusion.zeroTerminalSnr is false",
        "{'trained_betas': [0.1, 0.2]} | trained_betas is a list, supported: null",
        "{'_class_name': 'FlowMatchEulerDiscreteScheduler'} | _class_name is FlowMatchEulerDiscreteScheduler, but diffusion.prediction is eps; _class_name is FlowMatchEulerDiscreteScheduler, but diffusion.schedule is linear; the spec needs diffusion: {timesteps: 1000, schedule: flow, prediction: flow}",
        "{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'invert_sigmas': true} | invert_sigmas is true, supported: false",
        "{'_class_name': 'FlowMatchLCMScheduler'} | _class_name is FlowMatchLCMScheduler, supported: DDIM",
        "{'num_train_timesteps': 50} | num_train_timesteps is 50, but diffusion.timesteps is 1000; the spec needs diffusion: {timesteps: 50, schedule: linear, betaStart: 1.0E-4, betaEnd: 0.02}",
        "{'beta_schedule': 'squaredcos_cap_v2'} | beta_schedule is squaredcos_cap_v2, but diffusion.schedule is linear",
        "{'num_train_timesteps': '1000'} | num_train_timesteps is \"1000\", supported: a whole number",
        "{'num_train_timesteps': 4294968296} | num_train_timesteps is 4294968296, supported: a whole number",
        "{'clip_sample': null} | clip_sample is null, supported: true or false",
        "{'clip_sample': 'false'} | clip_sample is \"false\", supported: true or false",
        "{'beta_start': [0.1]} | beta_start is [0.1], supported: a number",
        "{'beta_end': 0.012} | beta_end is 0.012, but diffusion.betaEnd is 0.02",
        "{'clip_sample': false} | clip_sample is false, but evaluation.sampler.clip is true",
        "{'clip_sample_range': 2.0} | clip_sample_range is 2.0, supported: 1.0"
      })
  void shouldNameTheFieldWhenTheSchedulerDisagreesWithTheSpec(String fields, String reason)
      throws Exception {
    for (String place : List.of("scheduler", ".")) { // newer folders, and those of 2022
      Path root = Files.createTempDirectory(directory, "pipeline");
      copy(
          fixture("diffusers"),
          place.equals(".") ? root : Files.createDirectory(root.resolve("unet")));
      Path config = Files.createDirectories(root.resolve(place)).resolve("scheduler_config.json");
      Files.writeString(config, "{}");
      change(config, schedulers().get("schedules").get(0).get("config").toString());
      assertThat(read(root).taken()).endsWith("its scheduler_config.json agrees with the spec");
      change(config, fields.replace('\'', '"'));
      assertThat(refusal(root)).contains("scheduler_config.json: " + reason);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'thresholding': true, 'clip_sample': false}",
        "{'thresholding': true, 'sample_max_value': 1.5}",
        "{'variance_type': 'learned_range', 'steps_offset': 3, 'timestep_spacing': 'other'}",
        "{'_class_name': 'DPMSolverMultistepScheduler', 'lambda_min_clipped': -Infinity, 'use_karras_sigmas': true, 'algorithm_type': 'sde-dpmsolver++', 'solver_order': 3}",
        "{'_class_name': 'KDPM2AncestralDiscreteScheduler'}"
      })
  void shouldTakeATeacherHoweverItsFolderSamples(String fields) throws Exception {
    copy(fixture("diffusers"), directory);
    String betas = "{\"beta_start\": 1e-4, \"beta_end\": 0.02, ";
    Files.writeString(
        directory.resolve("scheduler_config.json"), betas + fields.replace('\'', '"').substring(1));
    assertThat(read(directory).taken()).endsWith("its scheduler_config.json agrees with the spec");
  }

  @Test
  void shouldTakeTheSchedulersForwardProcessWhenTheSpecLeavesItOut() throws Exception {
    Expected open = new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DiffusionSpec.OF_TEACHER);
    copy(fixture("diffusers"), directory);
    assertThat(read(directory, open).diffusion()).isEqualTo(DIFFUSION);
    Path config = directory.resolve("scheduler_config.json");
    for (JsonNode schedule : schedulers().get("schedules")) {
      JSON.writeValue(config.toFile(), schedule.get("config"));
      NoiseSchedule ours = NoiseSchedule.of(read(directory, open).diffusion());
      JsonNode theirs = schedule.get("alphas_cumprod");
      assertThat(ours.timesteps())
          .isEqualTo(schedule.get("config").get("num_train_timesteps").asInt());
      for (int i = 0; i < theirs.size(); i++) {
        assertThat(ours.alphasCumprod(10 * i)).isCloseTo(theirs.get(i).asDouble(), within(1e-5));
      }
    }
    change(config, "{\"prediction_type\": \"flow_prediction\"}");
    assertThat(refusal(directory, open)).contains("prediction_type is flow_prediction");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'prediction_type': 'sample'} | X0",
        "{'predict_epsilon': false} | X0",
        "{'prediction_type': 'v_prediction'} | V"
      })
  void shouldTakeWhatTheNetworkPredictsFromItsScheduler(String fields, Prediction prediction)
      throws Exception {
    DiffusionSpec studentsOfEps =
        DiffusionSpecBuilder.builder()
            .from(Optional.of(DiffusionSpec.From.TEACHER))
            .studentPrediction(Optional.of(prediction))
            .build();
    copy(fixture("diffusers"), directory);
    Path config = directory.resolve("scheduler_config.json");
    Files.writeString(config, fields.replace('\'', '"'));
    Expected same =
        new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DIFFUSION.predicting(prediction));
    assertThat(read(directory, same).taken()).endsWith("agrees with the spec");
    Expected open = new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DiffusionSpec.OF_TEACHER);
    assertThat(read(directory, open).diffusion()).isEqualTo(DIFFUSION.predicting(prediction));

    Files.writeString(config, "{}");
    assertThat(refusal(directory, same)).contains("prediction_type is epsilon, but");
    DiffusionSpec taken =
        read(directory, new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, studentsOfEps))
            .diffusion();
    assertThat(taken.teacherPredicts()).isEqualTo(Prediction.EPS);
    assertThat(taken.studentsPredict()).isEqualTo(prediction);
  }

  @Test
  void shouldTellAFlowsNetworkTWhereItWasToldTheNextTimestep() throws Exception {
    JsonNode config = schedulers().get("flow");
    assertThat(config.get("shift").asDouble()).isEqualTo(3); // steps of the sampler alone
    assertThat(SchedulerConfig.written(SchedulerConfig.diffusion(config)))
        .isEqualTo("diffusion: {timesteps: 1000, schedule: flow, prediction: flow}");
    assertThat(SchedulerConfig.clips(config)).isEmpty();
    Expected open = new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DiffusionSpec.OF_TEACHER);
    for (String fixture : List.of("diffusers", "diffusers-default")) { // sines first, cosines first
      Path root = Files.createTempDirectory(directory, "folder");
      copy(fixture(fixture), root);
      Path scheduler = root.resolve("scheduler_config.json");
      Files.deleteIfExists(scheduler);
      Weights told = (Weights) read(root, open);
      JSON.writeValue(scheduler.toFile(), config);
      Weights taken = (Weights) read(root, open);

      assertThat(taken.diffusion().schedule()).isEqualTo(DiffusionSpec.Schedule.FLOW);
      assertThat(taken.diffusion().teacherPredicts()).isEqualTo(Prediction.FLOW);
      assertThat(taken.taken()).contains("turned, as it was told T sigma = t + 1, to be told t");
      for (long t : new long[] {0, 1, 250, 998, 999}) {
        assertThat(answer(taken, t)).containsExactly(answer(told, t + 1), within(1e-5f));
      }
      assertThat(distance(answer(taken, 0), answer(told, 0))).isGreaterThan(1e-4f);
    }
  }

  private float[] answer(Weights teacher, long t) throws Exception {
    Path archive = directory.resolve("answer.pt");
    TorchScriptArchive.write(archive, teacher.network().inferenceModule("UNet", teacher.tensors()));
    float[] x = new float[3 * 8 * 8];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) Math.sin(i);
    }
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module
          .forward(HostTensor.ofFloats(x, 1, 3, 8, 8), HostTensor.ofLongs(new long[] {t}, 1))
          .toFloats();
    }
  }

  private static float distance(float[] one, float[] other) {
    float largest = 0;
    for (int i = 0; i < one.length; i++) {
      largest = Math.max(largest, Math.abs(one[i] - other[i]));
    }
    return largest;
  }

  @Test
  void shouldTakeOurFilesForwardProcessWhenTheSpecLeavesItOut() throws Exception {
    DiffusionSpec cosine =
        DiffusionSpecBuilder.builder()
            .timesteps(50)
            .schedule(DiffusionSpec.Schedule.COSINE)
            .build();
    Path file = directory.resolve("teacher.safetensors");
    SafetensorsFile.write(
        file,
        ClosedForm.weights(Network.of(SMALL, 8, 3)),
        new ModelMetadata(SMALL, 8, 3, 0, cosine).toStrings());
    assertThat(
            read(file, new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DiffusionSpec.OF_TEACHER))
                .diffusion())
        .isEqualTo(cosine);
  }

  @Test
  void shouldKnowTheDefaultsOfEachSchedulerWhenItsFieldsAreAbsent() throws Exception {
    schedulers()
        .get("defaults")
        .properties()
        .forEach(
            scheduler -> {
              ObjectNode named = JSON.createObjectNode().put("_class_name", scheduler.getKey());
              ObjectNode full = scheduler.getValue().deepCopy();
              full.put("_class_name", scheduler.getKey());
              assertThat(SchedulerConfig.diffusion(named))
                  .as(scheduler.getKey())
                  .isEqualTo(SchedulerConfig.diffusion(full));
              assertThat(SchedulerConfig.clips(named))
                  .as(scheduler.getKey())
                  .isEqualTo(SchedulerConfig.clips(full))
                  .isEqualTo(Optional.ofNullable(full.get("clip_sample")).map(JsonNode::asBoolean));
            });
  }

  /** By {@code scheduler_fixture.py}. */
  private JsonNode schedulers() throws Exception {
    return JSON.readTree(fixture("schedulers.json").toFile());
  }

  private static void change(Path config, String fields) throws IOException {
    ObjectNode changed = (ObjectNode) JSON.readTree(config.toFile());
    changed.setAll((ObjectNode) JSON.readTree(fields));
    JSON.writeValue(config.toFile(), changed);
  }

  private static Map<String, HostTensor> tensors(Path folder) throws IOException {
    return SafetensorsFile.read(weights(folder)).tensors();
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
    Network network = Network.of(SMALL, 8, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Path file = ourFile(weights);

    Weights teacher = (Weights) read(file);

    assertThat(teacher.network().spec()).isEqualTo(SMALL);
    HostTensor x = ClosedForm.tensor(1, 1, 0, 2, 3, 8, 8);
    HostTensor t = HostTensor.ofLongs(new long[] {3, 998}, 2);
    assertThat(eps(teacher.network(), teacher.tensors(), x, t))
        .isEqualTo(eps(network, weights, x, t));
  }

  /** Of a network that diffusers has no class for: as files have it now, and as they had it. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldRebuildANetworkThatDiffusersHasNotFromOurOwnExport(boolean former) throws Exception {
    NetworkSpec byWidth =
        new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.empty());
    Network network = Network.of(byWidth, 8, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Map<String, HostTensor> written = former ? weights : NamesApart.of(network, weights);
    assertThat(written.containsKey("not_for_diffusers.conv_in.weight")).isNotEqualTo(former);
    Path file = directory.resolve("teacher.safetensors");
    Map<String, String> metadata = new ModelMetadata(byWidth, 8, 3, 0, DIFFUSION).toStrings();
    SafetensorsFile.write(file, written, metadata);

    Weights teacher = (Weights) read(file);

    assertThat(teacher.network().spec()).isEqualTo(byWidth);
    HostTensor x = ClosedForm.tensor(1, 1, 0, 2, 3, 8, 8);
    HostTensor t = HostTensor.ofLongs(new long[] {3, 998}, 2);
    assertThat(eps(teacher.network(), teacher.tensors(), x, t))
        .isEqualTo(eps(network, weights, x, t));

    Map<String, HostTensor> lacking = new LinkedHashMap<>(written);
    lacking.keySet().removeIf(name -> name.endsWith("conv_out.bias"));
    SafetensorsFile.write(file, lacking, metadata);
    assertThat(refusal(file)).contains("conv_out.bias is missing");
  }

  @Test
  void shouldLeaveTheNamesOfANetworkThatDiffusersHas() {
    Network network = Network.of(SMALL, 8, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    assertThat(NamesApart.of(network, weights)).isSameAs(weights);
  }

  @Test
  void shouldRefuseOurFileWhenTheSpecDisagreesWithIt() throws Exception {
    Path file = ourFile(ClosedForm.weights(Network.of(SMALL, 8, 3)));
    NetworkSpec wider = new NetworkSpec(16, List.of(1, 2), 1, List.of(4), 2, 0.0, Optional.of(4));
    NetworkSpec withDropout =
        new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 2, 0.3, Optional.of(4));
    DiffusionSpec cosine =
        DiffusionSpecBuilder.builder().schedule(DiffusionSpec.Schedule.COSINE).build();

    assertThat(refusal(file, new Expected(wider, 8, 3, 0, DIFFUSION)))
        .endsWith(
            "its network is not that of teacher.network: channels is 8, and 16 there; leave teacher.network out, or make it the same.");
    assertThat(refusal(file, new Expected(TeacherSpec.DEFAULT_NETWORK, 16, 3, 0, DIFFUSION)))
        .contains("it is for 8×8 images, but dataset.resolution is 16");
    assertThat(refusal(file, new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, cosine)))
        .contains(
            "it was trained with diffusion: {timesteps: 1000, schedule: linear, betaStart: 1.0E-4, betaEnd: 0.02}, but the spec has diffusion: {timesteps: 1000, schedule: cosine}");
    assertThat(read(file, new Expected(withDropout, 8, 3, 0, DIFFUSION)))
        .isInstanceOf(Weights.class);
  }

  @Test
  void shouldRebuildAConditionalNetworkFromOurOwnExport() throws Exception {
    Map<String, HostTensor> weights = ClosedForm.weights(Network.of(SMALL, 8, 3, 5));
    Path file = directory.resolve("conditional.safetensors");
    SafetensorsFile.write(file, weights, new ModelMetadata(SMALL, 8, 3, 5, DIFFUSION).toStrings());

    Weights teacher = (Weights) read(file, expecting(5));
    assertThat(teacher.network().classes()).isEqualTo(5);
    assertThat(refusal(file, expecting(0)))
        .contains(
            "it is class-conditional with 5 classes, but the dataset is not class-conditional");
    assertThat(refusal(ourFile(ClosedForm.weights(Network.of(SMALL, 8, 3))), expecting(5)))
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
    Network network = Network.of(SMALL, 8, 3, 5);
    Path file = directory.resolve("own.pt");
    TorchScriptArchive.write(file, network.inferenceModule("Theirs", ClosedForm.weights(network)));
    assertThat(((TorchScript) read(file, expecting(5))).parameters())
        .isEqualTo(network.parameters());
    assertThat(refusal(file, expecting(6)))
        .contains("t I64[2] and y I64[2]: ")
        .contains("index out of range");
    assertThat(refusal(file, expecting(0))).contains("can't be asked for eps of x F32");

    Network unconditional = Network.of(SMALL, 8, 3);
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
    Map<String, HostTensor> weights = ClosedForm.weights(Network.of(SMALL, 8, 3));
    weights.put("conv_out.bias", HostTensor.ofFloats(new float[] {0, Float.NaN, 0}, 3));
    Path file = ourFile(weights);
    assertThat(refusal(file)).contains("values that are not finite");
    assertThat(
            TeacherImport.read(
                file,
                "the source",
                new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DIFFUSION),
                "cpu",
                directory,
                TeacherImport.Tried.BEFORE))
        .as("what an opener has asked is not asked again")
        .isInstanceOf(Weights.class);
  }

  @Test
  void shouldCountParametersWhenItIsATorchScriptFile() throws Exception {
    Network network = Network.of(SMALL, 8, 3);
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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "torch.dropout(x, 0.1, True) | its eps differ when it is asked again for the same images",
        "torch.sub(x, torch.mean(x, [0], True)) | its eps of an image depend on what else is in its batch",
        "torch.add(x, torch.reshape(t, [2, 1, 1, 1])) | for 2 images at a time but not for 1",
        "torch.div(x, torch.reshape(torch.sub(t, 500), [-1, 1, 1, 1])) | values that are not finite"
      })
  void shouldRefuseATorchScriptFileThatIsNoFunctionOfEachImageAlone(String eps, String reason)
      throws Exception {
    Path file = directory.resolve("wrong.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "Wrong",
            "def forward(self, x: Tensor, t: Tensor) -> Tensor:\n  return %s\n".formatted(eps),
            Map.of()));
    assertThat(refusal(file)).contains(reason);
  }

  @Test
  void shouldBlameNoTeacherWhenMemoryRunsOut() throws Exception {
    Path file = directory.resolve("large.pt");
    String takes = "torch.add(x, torch.mean(torch.ones([4000000000000000])))"; // 16 PB
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "Large",
            "def forward(self, x: Tensor, t: Tensor) -> Tensor:\n  return %s\n".formatted(takes),
            Map.of()));
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(MemoryRanOutException.class)
        .hasMessageMatching(
            "The teacher ran out of memory with \\d+ samples? of 8×8 at once: .*allocate memory.*");
  }

  @Test
  void shouldTakeATorchScriptFileThatGivesEpsInHalfPrecision() throws Exception {
    Path file = directory.resolve("half.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "Half",
            "def forward(self, x: Tensor, t: Tensor) -> Tensor:\n  return torch.to(x, 5)\n",
            Map.of()));
    assertThat(read(file)).isInstanceOf(TorchScript.class);
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

  private float[] eps(Network network, Map<String, HostTensor> weights, HostTensor x, HostTensor t)
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

package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Weight;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.TrainingModule.TeacherNetwork;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.FeatureLossSpec.Kind;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Against diffusers and eager PyTorch; the fixture comes from {@code feature_loss_fixture.py}. */
class FeatureLossTest {
  private static final double UNCLIPPED = 1e30;
  private static final double ADAM_SHARE = 0.1; // of a first gradient in exp_avg: 1 - beta1

  @TempDir Path directory;

  private static final HostTensor XT = ClosedForm.tensor(0, 1, 0, 4, 3, 8, 8);
  private static final HostTensor NOISE = ClosedForm.tensor(1, 1, 0, 4, 3, 8, 8);
  private static final HostTensor T = HostTensor.ofLongs(new long[] {3, 250, 777, 999}, 4);
  private static final HostTensor Y = HostTensor.ofLongs(new long[] {2, 0, 1, 2}, 4);
  private static final HostTensor OTHER_Y = HostTensor.ofLongs(new long[] {2, 0, 0, 2}, 4);
  private static final HostTensor HYPER = HostTensor.ofDoubles(new double[] {1e-3, 0.9}, 2);
  private static final HostTensor COUNTERS = HostTensor.ofLongs(new long[] {1, 7}, 2);

  private static Network network(int channels, int classes) {
    return Network.of(
        new NetworkSpec(channels, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(8)),
        8,
        3,
        classes);
  }

  private static String name(Kind kind) {
    return switch (kind) {
      case NONE -> "none";
      case HINT -> "hint";
      case RELATIONAL_SAMPLE -> "relational-sample";
      case RELATIONAL_SPATIAL -> "relational-spatial";
      case RELATIONAL_GRAM -> "relational-gram";
      case ATTENTION -> "attention";
    };
  }

  private static Settings settings(
      NetworkForm form, Precision precision, int parts, double[] weights, FeatureLossSpec feature) {
    return new Settings(
        UNCLIPPED,
        0,
        0.999,
        weights[0],
        weights[1],
        parts,
        precision,
        form,
        feature,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        false);
  }

  private TorchModule load(Settings settings, int classes) throws Exception {
    Network student = network(8, classes);
    Network teacher = network(16, classes);
    Map<String, HostTensor> weights = new LinkedHashMap<>(ClosedForm.weights(student));
    List<Weight> adaptors =
        settings.feature().wanted()
            ? new FeatureLoss(settings.feature(), student, teacher).adaptors()
            : List.of();
    for (int i = 0; i < adaptors.size(); i++) {
      double scale = i % 2 == 0 ? 1 / Math.sqrt(adaptors.get(i).shape().get(1)) : 0.1;
      weights.put(
          adaptors.get(i).name(),
          ClosedForm.tensor(5000 + i, scale, 0, adaptors.get(i).dimensions()));
    }
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    weights.forEach((k, v) -> zeros.put(k, HostTensor.zeros(v.dtype(), v.shape())));
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            student,
            new State(weights, ClosedForm.weights(student), zeros, zeros),
            settings,
            Optional.of(new TeacherNetwork(teacher, ClosedForm.weights(teacher)))));
    return Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING);
  }

  private static List<Weight> trained(FeatureLossSpec feature) {
    List<Weight> trained = new ArrayList<>(network(8, 0).weights());
    trained.addAll(new FeatureLoss(feature, network(8, 0), network(16, 0)).adaptors());
    return trained;
  }

  static Stream<Arguments> kindsAndForms() {
    return Arrays.stream(Kind.values())
        .filter(kind -> kind != Kind.NONE)
        .flatMap(kind -> Arrays.stream(NetworkForm.values()).map(f -> Arguments.of(kind, f)));
  }

  @ParameterizedTest
  @MethodSource("kindsAndForms")
  void shouldEqualPyTorchWhenAStudentLearnsFromFeatures(Kind kind, NetworkForm form)
      throws Exception {
    Map<String, HostTensor> fixture =
        SafetensorsFile.read(
                Path.of(getClass().getResource("/training/features.safetensors").toURI()))
            .tensors();
    Map<String, List<String>> cases =
        Map.of(
            "all", List.of("mid", "up.0", "up.1", "eps"),
            "mid", List.of("mid"),
            "up.1", List.of("up.1"),
            "eps", List.of("eps"));
    for (String name : cases.keySet()) {
      String key = name(kind) + "/" + name + "/";
      double[] weights = fixture.get(key + "weights").toDoubles();
      FeatureLossSpec feature = new FeatureLossSpec(kind, weights[2], cases.get(name));
      try (TorchModule module = load(settings(form, Precision.FP32, 1, weights, feature), 0)) {
        double[] found = module.run("teach_step", XT, NOISE, T, HYPER, COUNTERS).get(0).toDoubles();
        double[] figures = fixture.get(key + "figures").toDoubles();
        double[] samples = fixture.get(key + "samples").toDoubles();
        assertThat(found).hasSize(StepFigures.BEFORE_SAMPLES + 4);
        for (int i = 0; i < figures.length; i++) {
          double tolerance = i == 3 ? 1e-4 : 1e-5; // the gradient's norm
          assertThat(found[i])
              .as(key + i)
              .isCloseTo(figures[i], within(tolerance * Math.abs(figures[i])));
        }
        for (int i = 0; i < samples.length; i++) {
          assertThat(found[StepFigures.BEFORE_SAMPLES + i])
              .isCloseTo(samples[i], within(1e-5 * samples[i]));
        }
        requireGradients(key, feature, module, fixture.get(key + "gradients").toDoubles());
      }
    }
  }

  private static void requireGradients(
      String key, FeatureLossSpec feature, TorchModule module, double[] expected) {
    List<HostTensor> moments = module.run("exp_avg");
    List<Weight> trained = trained(feature);
    assertThat(moments).hasSameSizeAs(trained);
    List<Weight> sorted = trained.stream().sorted(Comparator.comparing(Weight::name)).toList();
    assertThat(expected).hasSize(2 * sorted.size());
    for (int k = 0; k < sorted.size(); k++) {
      double[] g = moments.get(trained.indexOf(sorted.get(k))).toDoubles();
      double squares = 0;
      double projection = 0;
      for (int j = 0; j < g.length; j++) {
        double value = g[j] / ADAM_SHARE;
        squares += value * value;
        projection += value * ClosedForm.value(j, 3000);
      }
      String weight = key + sorted.get(k).name();
      double tolerance = 1e-4 * expected[2 * k] + 2e-7; // a bias before a norm has no gradient
      assertThat(Math.sqrt(squares)).as(weight).isCloseTo(expected[2 * k], within(tolerance));
      assertThat(projection)
          .as(weight)
          .isCloseTo(expected[2 * k + 1], within(tolerance * Math.sqrt(g.length)));
    }
  }

  @ParameterizedTest
  @MethodSource("kindsAndForms")
  void shouldCompareSamplesWithinAPartWhenTheBatchIsCut(Kind kind, NetworkForm form)
      throws Exception {
    FeatureLossSpec feature = new FeatureLossSpec(kind, null, List.of("mid", "up.1"));
    double[] weights = {1, 0.5};
    try (TorchModule whole = load(settings(form, Precision.FP32, 1, weights, feature), 0);
        TorchModule cut = load(settings(form, Precision.FP32, 2, weights, feature), 0)) {
      double[] expected = step(whole);
      double[] found = step(cut);
      double distance = distance(all(cut, "exp_avg"), all(whole, "exp_avg"));
      // One compares samples, of the other the norm of a whole is no mean of parts.
      if (kind == Kind.RELATIONAL_SAMPLE || kind == Kind.RELATIONAL_GRAM) {
        assertThat(found[4]).isNotCloseTo(expected[4], within(1e-2 * expected[4]));
        assertThat(distance).isGreaterThan(1e-4);
      } else {
        assertThat(found[4]).isCloseTo(expected[4], within(1e-5 * expected[4]));
        assertThat(distance).isLessThan(1e-5);
      }
      for (int i = 5; i < 9; i++) {
        assertThat(found[i]).isCloseTo(expected[i], within(1e-5 * expected[i]));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kindsAndForms")
  void shouldGiveNearlyTheSameGradientsInBfloat16(Kind kind, NetworkForm form) throws Exception {
    FeatureLossSpec feature = new FeatureLossSpec(kind, null, List.of("mid", "up.0", "up.1"));
    double[] weights = {1, 0.5};
    try (TorchModule fp32 = load(settings(form, Precision.FP32, 1, weights, feature), 0);
        TorchModule bf16 = load(settings(form, Precision.BF16, 1, weights, feature), 0)) {
      double[] expected = step(fp32);
      double[] found = step(bf16);
      assertThat(found[4]).isCloseTo(expected[4], within(0.05 * expected[4]));
      assertThat(distance(all(bf16, "exp_avg"), all(fp32, "exp_avg"))).isBetween(1e-4, 0.1);
      assertThat(bf16.run("weights")).allMatch(w -> w.dtype() == HostTensor.DType.F32);
    }
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldTellTheTeacherTheClassesWhenItsFeaturesAreCompared(NetworkForm form) throws Exception {
    FeatureLossSpec feature = new FeatureLossSpec(Kind.HINT, null, List.of("mid", "up.1"));
    double[] weights = {1, 0.5};
    try (TorchModule whole = load(settings(form, Precision.FP32, 1, weights, feature), 3);
        TorchModule cut = load(settings(form, Precision.FP32, 2, weights, feature), 3);
        TorchModule told = load(settings(form, Precision.FP32, 1, weights, feature), 3)) {
      double[] expected =
          whole.run("teach_step", XT, NOISE, T, Y, HYPER, COUNTERS).get(0).toDoubles();
      double[] found = cut.run("teach_step", XT, NOISE, T, Y, HYPER, COUNTERS).get(0).toDoubles();
      double[] other =
          told.run("teach_step", XT, NOISE, T, OTHER_Y, HYPER, COUNTERS).get(0).toDoubles();
      assertThat(found[4]).isCloseTo(expected[4], within(1e-5 * expected[4]));
      assertThat(other[4]).isNotCloseTo(expected[4], within(1e-5 * expected[4]));
      assertThat(distance(all(cut, "exp_avg"), all(whole, "exp_avg"))).isLessThan(1e-5);
    }
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldTrainTheAdaptorsButAverageOnlyTheNetwork(NetworkForm form) throws Exception {
    FeatureLossSpec feature = new FeatureLossSpec(Kind.HINT, null, List.of("mid"));
    int network = network(8, 0).weights().size();
    try (TorchModule module =
        load(settings(form, Precision.FP32, 1, new double[] {1, 1}, feature), 0)) {
      List<HostTensor> before = module.run("weights");
      step(module);
      List<HostTensor> after = module.run("weights");
      assertThat(after).hasSize(network + 2);
      for (int i = network; i < after.size(); i++) {
        assertThat(after.get(i).toFloats()).isNotEqualTo(before.get(i).toFloats());
      }
      assertThat(module.run("ema")).hasSize(network);
      assertThat(module.run("exp_avg_sq")).hasSize(network + 2);
      assertThat(module.run("gradients", XT, NOISE, T)).hasSize(network);
    }
  }

  @Test
  void shouldStartTheAdaptorsByTheSeedAlone() {
    Network student = network(8, 0);
    FeatureLoss feature =
        new FeatureLoss(
            new FeatureLossSpec(Kind.HINT, null, List.of("mid", "up.1")), student, network(16, 0));
    Map<String, HostTensor> first = feature.initialise(student, new SeededRandom(3));
    assertThat(first)
        .containsOnlyKeys(
            "feature_adaptor.mid.weight",
            "feature_adaptor.mid.bias",
            "feature_adaptor.up.1.weight",
            "feature_adaptor.up.1.bias");
    String weight = "feature_adaptor.mid.weight";
    assertThat(first.get(weight).shape()).containsExactly(32, 16, 1, 1);
    assertThat(first.get(weight).toFloats())
        .isEqualTo(feature.initialise(student, new SeededRandom(3)).get(weight).toFloats())
        .isNotEqualTo(feature.initialise(student, new SeededRandom(4)).get(weight).toFloats());
    for (float value : first.get(weight).toFloats()) {
      assertThat(value).isBetween(-0.25f, 0.25f); // 1 / sqrt(16)
    }
  }

  @Test
  void shouldStartProjectionsAsTheIdentityWhenAsked() {
    FeatureLossSpec identity =
        new FeatureLossSpec(Kind.HINT, null, List.of("mid"), FeatureLossSpec.Projection.IDENTITY);
    Network student = network(8, 0);
    Map<String, HostTensor> wider =
        new FeatureLoss(identity, student, network(16, 0)).initialise(student, new SeededRandom(3));
    float[] weight = wider.get("feature_adaptor.mid.weight").toFloats(); // [32, 16, 1, 1]
    for (int i = 0; i < weight.length; i++) {
      assertThat(weight[i]).isEqualTo(i / 16 == i % 16 ? 1f : 0f);
    }
    assertThat(wider.get("feature_adaptor.mid.bias").toFloats()).containsOnly(0f);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "up.2 | students.loss.feature.at names 'up.2', which the student's network doesn't have: expected one of [mid, up.0, up.1, eps].",
        "mid | students.loss.feature.at needs places of equal resolution, found 4 for the student's mid and 2 for the teacher's."
      })
  void shouldRefuseAPlaceThatTheNetworksDoNotShare(String place, String message) {
    Network deeper =
        Network.of(
            new NetworkSpec(8, List.of(1, 2, 2), 1, List.of(4), 1, 0.0, Optional.of(8)), 8, 3);
    assertThatExceptionOfType(FeatureLossException.class)
        .isThrownBy(
            () ->
                new FeatureLoss(
                    new FeatureLossSpec(Kind.ATTENTION, null, List.of(place)),
                    network(8, 0),
                    deeper))
        .withMessage(message);
  }

  private static double[] step(TorchModule module) {
    return module.run("teach_step", XT, NOISE, T, HYPER, COUNTERS).get(0).toDoubles();
  }

  private static double[] all(TorchModule module, String method) {
    return module.run(method).stream().flatMapToDouble(t -> Arrays.stream(t.toDoubles())).toArray();
  }

  /** ||a - b|| / ||b||. */
  private static double distance(double[] a, double[] b) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < b.length; i++) {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      norm += b[i] * b[i];
    }
    return Math.sqrt(difference / norm);
  }
}

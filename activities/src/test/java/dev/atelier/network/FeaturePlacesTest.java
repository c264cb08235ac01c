package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

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
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every kind of feature loss at every place of text U-Nets of latents and of DiTs, against
 * diffusers and eager PyTorch; the fixture comes from {@code feature_places_fixture.py}. Those of
 * pixels are in {@link FeatureLossTest}.
 */
class FeaturePlacesTest {
  private static final double UNCLIPPED = 1e30;
  private static final double ADAM_SHARE = 0.1; // of a first gradient in exp_avg: 1 - beta1

  @TempDir Path directory;

  @SuppressWarnings("ImmutableEnumChecker") // the lists are of List.of
  private enum Kin {
    TEXT,
    DIT;

    List<String> places() {
      return this == TEXT ? List.of("mid", "up.0", "up.1", "eps") : List.of("mid", "eps");
    }

    Network student() {
      return this == TEXT ? TextNetworks.ofWidth(8) : transformer(2, 4);
    }

    Network teacher() {
      return this == TEXT ? TextNetworks.ofWidth(16) : transformer(3, 8);
    }

    HostTensor told() {
      return this == TEXT
          ? ClosedForm.tensor(4000, 1, 0, 4, 7, 12)
          : HostTensor.ofLongs(new long[] {2, 0, 1, 2}, 4);
    }
  }

  private static Network transformer(int layers, int headWidth) {
    return Network.of(
        NetworkSpec.of(new TransformerSpec(2, layers, 2, headWidth, null, null)), 8, 4, 3);
  }

  static Stream<Arguments> cells() {
    return Arrays.stream(Kin.values())
        .flatMap(
            kin ->
                kin.places().stream()
                    .flatMap(
                        place ->
                            Arrays.stream(Kind.values())
                                .filter(kind -> kind != Kind.NONE)
                                .map(kind -> Arguments.of(kin, kind, place))));
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @ParameterizedTest
  @MethodSource("cells")
  void shouldEqualPyTorchWhenFeaturesAreCompared(Kin kin, Kind kind, String place)
      throws Exception {
    SafetensorsFile fixture =
        SafetensorsFile.read(
            Path.of(getClass().getResource("/training/feature-places.safetensors").toURI()));
    double weight = Double.parseDouble(fixture.metadata().get(word(kind)));
    FeatureLossSpec feature = new FeatureLossSpec(kind, weight, List.of(place));
    FeatureLoss loss = new FeatureLoss(feature, kin.student(), kin.teacher());
    String key = "%s/%s/%s/".formatted(word(kin), word(kind), place);
    try (TorchModule module = load(kin, feature, loss)) {
      double[] found =
          module
              .run(
                  "teach_step",
                  ClosedForm.tensor(0, 1, 0, 4, 4, 8, 8),
                  ClosedForm.tensor(1, 1, 0, 4, 4, 8, 8),
                  HostTensor.ofLongs(new long[] {3, 250, 777, 999}, 4),
                  kin.told(),
                  HostTensor.ofDoubles(new double[] {1e-3, 0.9}, 2),
                  HostTensor.ofLongs(new long[] {1, 7}, 2))
              .get(0)
              .toDoubles();
      double[] figures = fixture.tensors().get(key + "figures").toDoubles();
      for (int i = 0; i < figures.length; i++) {
        assertThat(found[i]).as(key + i).isCloseTo(figures[i], within(1e-4 * figures[i]));
      }
      requireGradients(key, kin, loss, module, fixture.tensors().get(key + "gradients"));
    }
  }

  private TorchModule load(Kin kin, FeatureLossSpec feature, FeatureLoss loss) throws Exception {
    Map<String, HostTensor> weights = new LinkedHashMap<>(ClosedForm.weights(kin.student()));
    Map<String, HostTensor> average = Map.copyOf(weights);
    for (int i = 0; i < loss.adaptors().size(); i++) {
      Weight adaptor = loss.adaptors().get(i);
      double scale = i % 2 == 0 ? 1 / Math.sqrt(adaptor.shape().get(1)) : 0.1;
      weights.put(adaptor.name(), ClosedForm.tensor(5000 + i, scale, 0, adaptor.dimensions()));
    }
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    weights.forEach((name, w) -> zeros.put(name, HostTensor.zeros(w.dtype(), w.shape())));
    Settings settings =
        new Settings(
            UNCLIPPED,
            0,
            0.999,
            1,
            0.5,
            1,
            Precision.FP32,
            NetworkForm.CPU,
            feature,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            false);
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            kin.student(),
            new State(weights, average, zeros, zeros),
            settings,
            Optional.of(new TeacherNetwork(kin.teacher(), ClosedForm.weights(kin.teacher())))));
    return Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING);
  }

  private static void requireGradients(
      String key, Kin kin, FeatureLoss loss, TorchModule module, HostTensor fixture) {
    List<Weight> trained = new ArrayList<>(kin.student().weights());
    trained.addAll(loss.adaptors());
    List<HostTensor> moments = module.run("exp_avg");
    List<Weight> sorted = trained.stream().sorted(Comparator.comparing(Weight::name)).toList();
    double[] expected = fixture.toDoubles();
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
      double tolerance = 1e-4 * expected[2 * k] + 2e-6; // a bias before a norm has no gradient
      assertThat(Math.sqrt(squares)).as(weight).isCloseTo(expected[2 * k], within(tolerance));
      assertThat(projection)
          .as(weight)
          .isCloseTo(expected[2 * k + 1], within(tolerance * Math.sqrt(g.length)));
    }
  }

  @Test
  void shouldRefusePlacesThatTransformersLack() {
    assertThat(transformer(2, 4).features().keySet()).containsExactly("mid", "eps");
    assertThatExceptionOfType(FeatureLossException.class)
        .isThrownBy(
            () ->
                new FeatureLoss(
                    new FeatureLossSpec(Kind.HINT, null, List.of("up.0")),
                    TextNetworks.ofWidth(8),
                    transformer(2, 4)))
        .withMessage(
            "students.loss.feature.at names 'up.0', which the teacher's network doesn't have: expected one of [mid, eps].");
  }
}

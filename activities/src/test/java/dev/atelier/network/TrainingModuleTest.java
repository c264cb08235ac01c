package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
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
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.spec.TrainingSpecBuilder;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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

/** Against eager PyTorch; the fixture comes from {@code training_step_fixture.py}. */
class TrainingModuleTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "adam, 0, 0.999, 0, CPU",
    "adam, 0, 0.999, 0, PORTABLE",
    "adamw, 0.1, 0.999, 0.5, CPU",
    "adamw, 0.1, 0.999, 0.5, PORTABLE",
    "beta2, 0, 0.9, 0, CPU",
    "beta2, 0, 0.9, 0, PORTABLE"
  })
  void shouldEqualPyTorchWhenStepsAreTaken(
      String name, double weightDecay, double beta2, double distillation, NetworkForm form)
      throws Exception {
    Map<String, HostTensor> fixture =
        SafetensorsFile.read(Path.of(getClass().getResource("/training/steps.safetensors").toURI()))
            .tensors();
    Network network =
        Network.of(new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(8)), 8, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    weights.forEach((k, v) -> zeros.put(k, HostTensor.zeros(v.dtype(), v.shape())));
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            network,
            new State(weights, weights, zeros, zeros),
            Settings.of(
                TrainingSpecBuilder.builder()
                    .clipNorm(0.25)
                    .weightDecay(weightDecay)
                    .adamBeta2(Optional.of(beta2))
                    .build(),
                new LossSpec(1.0, distillation),
                form,
                DiffusionSpec.DEFAULTS,
                Prediction.EPS)));

    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING)) {
      double[] expected = fixture.get(name + ".metrics").toDoubles();
      for (int step = 0; step < 3; step++) {
        HostTensor xt = ClosedForm.tensor(100 * step, 1, 0, 4, 3, 8, 8);
        HostTensor noise = ClosedForm.tensor(100 * step + 1, 1, 0, 4, 3, 8, 8);
        HostTensor epsTeacher = ClosedForm.tensor(100 * step + 2, 1, 0, 4, 3, 8, 8);
        HostTensor t = HostTensor.ofLongs(new long[] {3, 250, 777, 999}, 4);
        double emaDecay = Math.min(0.2, (1.0 + step) / (10.0 + step));
        HostTensor hyper = HostTensor.ofDoubles(new double[] {1e-3 * (step + 1) / 3, emaDecay}, 2);
        HostTensor counters = HostTensor.ofLongs(new long[] {step + 1, 0}, 2);
        double[] metrics =
            (distillation == 0
                    ? module.run("train_step", xt, noise, t, hyper, counters)
                    : module.run("distill_step", xt, noise, t, epsTeacher, hyper, counters))
                .get(0)
                .toDoubles();
        for (int i = 0; i < 4; i++) {
          if (i != 2 || distillation > 0) {
            double e = expected[4 * step + i];
            assertThat(metrics[i]).isCloseTo(e, within(1e-5 * Math.abs(e)));
          }
        }
      }
      for (String part : List.of("weights", "ema", "exp_avg", "exp_avg_sq")) {
        List<HostTensor> tensors = module.run(part);
        for (int i = 0; i < tensors.size(); i++) {
          String key = name + "." + part + "." + network.weights().get(i).name();
          if (fixture.containsKey(key)) {
            assertThat(distance(tensors.get(i), fixture.get(key))).as(key).isLessThan(1e-5);
          }
        }
      }
    }
  }

  private static final Network NETWORK = network(0);

  private static Network network(double dropout) {
    return Network.of(
        new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, dropout, Optional.of(8)), 8, 3);
  }

  private TorchModule load(Network network, Settings settings) throws Exception {
    return load(network, network(0), settings);
  }

  private TorchModule load(Network network, Network teacherNetwork, Settings settings)
      throws Exception {
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    weights.forEach((k, v) -> zeros.put(k, HostTensor.zeros(v.dtype(), v.shape())));
    Map<String, HostTensor> teacher = teacherNetwork.initialise(new SeededRandom(3));
    teacherNetwork.weights().stream() // else its eps is 0
        .map(Weight::name)
        .filter(weight -> weight.endsWith("out.weight") || weight.startsWith("proj_out"))
        .forEach(weight -> teacher.put(weight, weights.get(weight)));
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            network,
            new State(weights, weights, zeros, zeros),
            settings,
            Optional.of(new TeacherNetwork(teacherNetwork, teacher))));
    TorchScriptArchive.write(
        directory.resolve("teacher.pt"), teacherNetwork.inferenceModule("UNet", teacher));
    return Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING);
  }

  private static final HostTensor XT = ClosedForm.tensor(0, 1, 0, 4, 3, 8, 8);
  private static final HostTensor NOISE = ClosedForm.tensor(1, 1, 0, 4, 3, 8, 8);
  private static final HostTensor T = HostTensor.ofLongs(new long[] {3, 250, 777, 999}, 4);
  private static final HostTensor HYPER = HostTensor.ofDoubles(new double[] {1e-3, 0.9}, 2);
  private static final HostTensor COUNTERS = HostTensor.ofLongs(new long[] {1, 7}, 2);

  @ParameterizedTest
  @CsvSource({"2, CPU", "4, CPU", "2, PORTABLE"})
  void shouldTakeTheSameStepWhenTheBatchIsCut(int accumulationSteps, NetworkForm form)
      throws Exception {
    try (TorchModule whole = load(NETWORK, PlainSettings.of(0.25, 1, 0.5, 1, form));
        TorchModule cut = load(NETWORK, PlainSettings.of(0.25, 1, 0.5, accumulationSteps, form))) {
      double[] expected = whole.run("teach_step", XT, NOISE, T, HYPER, COUNTERS).get(0).toDoubles();
      double[] found = cut.run("teach_step", XT, NOISE, T, HYPER, COUNTERS).get(0).toDoubles();
      for (int i = 0; i < 4; i++) {
        assertThat(found[i]).isCloseTo(expected[i], within(1e-5 * expected[i]));
      }
      assertThat(distance(all(cut.run("exp_avg")), all(whole.run("exp_avg")))).isLessThan(1e-5);
      // Negative control: the parts are not all the same.
      double[] first =
          whole
              .run("teach_step", part(XT), part(NOISE), part(T), HYPER, COUNTERS)
              .get(0)
              .toDoubles();
      assertThat(Math.abs(first[0] - expected[0])).isGreaterThan(1e-3 * expected[0]);
    }
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldTellEachPartAndTheTeacherTheirClasses(NetworkForm form) throws Exception {
    Network network =
        Network.of(
            new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(8)), 8, 3, 3);
    HostTensor y = HostTensor.ofLongs(new long[] {2, 0, 2, 2}, 4);
    HostTensor otherY = HostTensor.ofLongs(new long[] {2, 0, 1, 2}, 4);
    Settings inParts = PlainSettings.of(0.25, 1, 0.5, 2, form);
    try (TorchModule whole = load(network, network, PlainSettings.of(0.25, 1, 0.5, 1, form));
        TorchModule cut = load(network, network, inParts);
        TorchModule apart = load(network, network, inParts);
        TorchModule told = load(network, network, inParts);
        TorchModule teacher =
            Libtorch.load(directory.resolve("teacher.pt"), "cpu", TorchModule.Mode.INFERENCE)) {
      double[] expected =
          whole.run("teach_step", XT, NOISE, T, y, HYPER, COUNTERS).get(0).toDoubles();
      double[] found = cut.run("teach_step", XT, NOISE, T, y, HYPER, COUNTERS).get(0).toDoubles();
      HostTensor epsTeacher = teacher.forward(XT, T, y);
      double[] asked =
          apart
              .run("distill_step", XT, NOISE, T, y, epsTeacher, HYPER, COUNTERS)
              .get(0)
              .toDoubles();
      double[] other =
          told.run("teach_step", XT, NOISE, T, otherY, HYPER, COUNTERS).get(0).toDoubles();
      for (int i = 0; i < 4; i++) {
        assertThat(found[i]).isCloseTo(expected[i], within(1e-5 * expected[i]));
        assertThat(asked[i]).isCloseTo(expected[i], within(1e-5 * expected[i]));
        // Negative control.
        assertThat(other[i]).isNotCloseTo(expected[i], within(1e-5 * expected[i]));
      }
      assertThat(distance(all(cut.run("exp_avg")), all(whole.run("exp_avg")))).isLessThan(1e-5);
    }
  }

  @Test
  void shouldRefuseATeacherWhenItHasOtherClasses() {
    Network conditional =
        Network.of(NETWORK.spec(), NETWORK.resolution(), NETWORK.imageChannels(), 3);
    Settings settings = PlainSettings.of(0.25, 1, 0.5, 1, NetworkForm.CPU);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> load(conditional, NETWORK, settings))
        .withMessage("The teacher is conditioned on 0 classes, expected the student's 3.");
  }

  private static final HostTensor CONTEXT = ClosedForm.tensor(4, 1, 0, 4, 3, 5);

  /** Of texts of three tokens of width 5, and of {@code classes}. */
  private static Network ofTexts(int classes) {
    return ofTexts(5, 3, classes);
  }

  private static Network ofTexts(int width, int tokens, int classes) {
    return Network.of(
        TextNetworks.reading(
                NetworkSpecBuilder.builder()
                    .channels(8)
                    .multipliers(List.of(1, 2))
                    .resBlocks(1)
                    .groups(Optional.of(8)),
                width,
                tokens)
            .build(),
        8,
        3,
        classes);
  }

  @ParameterizedTest
  @CsvSource({"0, PORTABLE", "0, CPU", "3, PORTABLE", "3, CPU"})
  void shouldTellEachPartAndTheTeacherTheirTexts(int classes, NetworkForm form) throws Exception {
    Network network = ofTexts(classes);
    HostTensor y = HostTensor.ofLongs(new long[] {2, 0, 2, 2}, 4);
    HostTensor[] told =
        classes > 0 ? new HostTensor[] {T, y, CONTEXT} : new HostTensor[] {T, CONTEXT};
    HostTensor[] otherTold = told.clone();
    otherTold[told.length - 1] = ClosedForm.tensor(5, 1, 0, 4, 3, 5);
    Settings inParts = PlainSettings.of(0.25, 1, 0.5, 2, form);
    try (TorchModule whole = load(network, network, PlainSettings.of(0.25, 1, 0.5, 1, form));
        TorchModule cut = load(network, network, inParts);
        TorchModule apart = load(network, network, inParts);
        TorchModule other = load(network, network, inParts);
        TorchModule teacher =
            Libtorch.load(directory.resolve("teacher.pt"), "cpu", TorchModule.Mode.INFERENCE)) {
      HostTensor epsTeacher = teacher.forward(inputs(List.of(XT), told));
      double[] expected = figures(whole, "teach_step", told);
      double[] found = figures(cut, "teach_step", told);
      double[] asked = figures(apart, "distill_step", told, epsTeacher);
      double[] toldOther = figures(other, "teach_step", otherTold);
      for (int i = 0; i < 4; i++) {
        assertThat(found[i]).isCloseTo(expected[i], within(1e-5 * expected[i]));
        assertThat(asked[i]).isCloseTo(expected[i], within(1e-5 * expected[i]));
        // Negative control.
        assertThat(toldOther[i]).isNotCloseTo(expected[i], within(1e-5 * expected[i]));
      }
      assertThat(distance(all(cut.run("exp_avg")), all(whole.run("exp_avg")))).isLessThan(1e-5);
      assertThat(whole.run("gradients", inputs(List.of(XT, NOISE), told)))
          .hasSameSizeAs(network.weights());
      assertThat(figures(whole, "train_step", told)[1]).isPositive();
    }
  }

  private static double[] figures(
      TorchModule module, String method, HostTensor[] told, HostTensor... more) {
    List<HostTensor> inputs = new ArrayList<>(List.of(inputs(List.of(XT, NOISE), told)));
    inputs.addAll(List.of(more));
    inputs.addAll(List.of(HYPER, COUNTERS));
    return module.run(method, inputs.toArray(HostTensor[]::new)).get(0).toDoubles();
  }

  private static HostTensor[] inputs(List<HostTensor> images, HostTensor[] told) {
    return Stream.concat(images.stream(), Arrays.stream(told)).toArray(HostTensor[]::new);
  }

  private static final HostTensor WITHOUT = ClosedForm.tensor(6, 1, 0, 1, 3, 5);
  private static final double GUIDANCE = 3.5;

  /** Of patches, conditioned on {@code classes} and none. */
  private static Network transformer(int classes) {
    return Network.of(NetworkSpec.of(new TransformerSpec(2, 1, 2, 4, null, false)), 8, 3, classes);
  }

  static Stream<Arguments> guided() {
    HostTensor y = HostTensor.ofLongs(new long[] {2, 0, 2, 2}, 4);
    HostTensor none = HostTensor.ofLongs(new long[] {3, 3, 3, 3}, 4);
    HostTensor empty = HostTensor.zeros(HostTensor.DType.F32, 4, 3, 5);
    for (int i = 0; i < 4; i++) {
      empty.data().put(i * 60, WITHOUT.data(), 0, 60);
    }
    return Stream.of(
            Arguments.of("texts", ofTexts(0), List.of(T, CONTEXT), List.of(T, empty), true),
            Arguments.of(
                "texts and classes",
                ofTexts(3),
                List.of(T, y, CONTEXT),
                List.of(T, y, empty),
                true),
            Arguments.of("classes", transformer(3), List.of(T, y), List.of(T, none), false))
        .flatMap(
            c ->
                Stream.of(NetworkForm.values())
                    .flatMap(
                        form ->
                            Stream.of(1, 2)
                                .map(
                                    parts -> {
                                      List<Object> all = new ArrayList<>(List.of(c.get()));
                                      all.addAll(List.of(form, parts));
                                      return Arguments.of(all.toArray());
                                    })));
  }

  @ParameterizedTest
  @MethodSource("guided")
  void shouldTeachWhatTheTeacherSaysGuided(
      String name,
      Network network,
      List<HostTensor> told,
      List<HostTensor> untold,
      boolean givesWithout,
      NetworkForm form,
      int parts)
      throws Exception {
    Settings settings = PlainSettings.of(0.25, 1, 0.5, parts, form);
    HostTensor[] conditions = told.toArray(HostTensor[]::new);
    double[] led;
    double[] moments;
    HostTensor with;
    HostTensor without;
    try (TorchModule module = load(network, network, guided(settings, GUIDANCE));
        TorchModule teacher =
            Libtorch.load(directory.resolve("teacher.pt"), "cpu", TorchModule.Mode.INFERENCE)) {
      HostTensor[] given = givesWithout ? new HostTensor[] {WITHOUT} : new HostTensor[0];
      led = figures(module, "teach_step", conditions, given);
      moments = all(module.run("exp_avg"));
      with = teacher.forward(inputs(List.of(XT), conditions));
      without = teacher.forward(inputs(List.of(XT), untold.toArray(HostTensor[]::new)));
    }
    float[] target = without.toFloats();
    float[] taught = with.toFloats();
    for (int i = 0; i < target.length; i++) {
      target[i] = (float) (target[i] + GUIDANCE * (taught[i] - target[i]));
    }
    try (TorchModule module = load(network, network, settings);
        TorchModule unled = load(network, network, settings)) {
      double[] expected =
          figures(module, "distill_step", conditions, HostTensor.ofFloats(target, with.shape()));
      double[] asItIs = figures(unled, "teach_step", conditions);
      for (int i = 0; i < 4; i++) {
        assertThat(led[i]).isCloseTo(expected[i], within(1e-5 * expected[i]));
      }
      assertThat(distance(moments, all(module.run("exp_avg")))).isLessThan(1e-5);
      // Negative control.
      assertThat(asItIs[2]).isNotCloseTo(expected[2], within(1e-4 * expected[2]));
    }
  }

  private static Settings guided(Settings settings, double scale) {
    return TrainingModuleSettingsBuilder.builder(settings).guidance(Optional.of(scale)).build();
  }

  @Test
  void shouldRefuseGuidanceByATeacherThatCannotBeAskedWithout() {
    Settings settings = guided(PlainSettings.of(0.25, 1, 0.5, 1, NetworkForm.CPU), 3);
    assertThatExceptionOfType(GuidanceException.class)
        .isThrownBy(() -> load(NETWORK, settings))
        .withMessage(
            "students.loss.guidance needs a teacher that can be asked without a text or a class, found one that is told neither.");
    Network classes = Network.of(NETWORK.spec(), 8, 3, 3);
    assertThatExceptionOfType(GuidanceException.class)
        .isThrownBy(() -> load(classes, classes, settings))
        .withMessage(
            "students.loss.guidance needs a teacher that can be asked without a text or a class, found one that has no class for none, as only transformers have.");
    Map<String, HostTensor> weights = ClosedForm.weights(ofTexts(0));
    assertThatExceptionOfType(GuidanceException.class)
        .isThrownBy(
            () ->
                TrainingModule.of(
                    ofTexts(0), new State(weights, weights, weights, weights), settings))
        .withMessage(
            "students.loss.guidance needs a teacher whose network is known, found a TorchScript file.");
  }

  @Test
  void shouldRefuseATeacherWhenItReadsOtherTexts() {
    Settings settings = PlainSettings.of(0.25, 1, 0.5, 1, NetworkForm.CPU);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> load(ofTexts(0), NETWORK, settings))
        .withMessage(
            "The teacher reads no texts, expected the student's texts of 3 tokens of width 5.");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> load(ofTexts(0), ofTexts(6, 3, 0), settings))
        .withMessage(
            "The teacher reads texts of 3 tokens of width 6, expected the student's texts of 3 tokens of width 5.");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> load(ofTexts(0), ofTexts(5, 4, 0), settings))
        .withMessage(
            "The teacher reads texts of 4 tokens of width 5, expected the student's texts of 3 tokens of width 5.");
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldGiveTheSameBitsWhenManySamplesShareAClass(NetworkForm form) throws Exception {
    Network network =
        Network.of(
            new NetworkSpec(4, List.of(1), 1, List.of(), 1, 0.0, Optional.of(1)), 8, 3, 2000);
    int batch = 32;
    long[] t = new long[batch];
    long[] y = new long[batch];
    Arrays.setAll(t, i -> 31L * i);
    Arrays.setAll(y, i -> i % 3 == 0 ? 1999 : i % 5);
    HostTensor[] inputs = {
      ClosedForm.tensor(0, 1, 0, batch, 3, 8, 8),
      ClosedForm.tensor(1, 1, 0, batch, 3, 8, 8),
      HostTensor.ofLongs(t, batch),
      HostTensor.ofLongs(y, batch)
    };
    int row =
        network.weights().stream().map(Weight::name).toList().indexOf("class_embedding.weight");
    int threads = Libtorch.threads();
    try (TorchModule module = load(network, network, PlainSettings.of(0.25, 1, 0, 1, form))) {
      Libtorch.useThreads(2);
      float[] first = module.run("gradients", inputs).get(row).toFloats();
      for (int i = 0; i < 5; i++) {
        assertThat(module.run("gradients", inputs).get(row).toFloats()).isEqualTo(first);
      }
      for (int i = 0; i < first.length; i++) {
        int label = i / 16;
        assertThat(first[i] != 0).as("row %d", label).isEqualTo(label < 5 || label == 1999);
      }
    } finally {
      Libtorch.useThreads(threads);
    }
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldDropOtherUnitsInEachPartOfABatch(NetworkForm form) throws Exception {
    HostTensor xt = part(XT);
    HostTensor noise = part(NOISE);
    HostTensor t = part(T);
    for (double dropout : new double[] {0, 0.5}) {
      Settings settings = PlainSettings.of(0.25, 1, 0, 2, form);
      Network network = network(dropout);
      double twice;
      double once;
      double again;
      try (TorchModule module = load(network, settings)) {
        twice = loss(module, twice(xt), twice(noise), twice(t));
      }
      try (TorchModule module = load(network, settings)) {
        again = loss(module, twice(xt), twice(noise), twice(t));
      }
      try (TorchModule module = load(network, PlainSettings.of(0.25, 1, 0, 1, form))) {
        once = loss(module, xt, noise, t);
      }
      assertThat(again).isEqualTo(twice);
      if (dropout == 0) {
        assertThat(twice).isCloseTo(once, within(1e-6));
      } else {
        assertThat(Math.abs(twice - once)).isGreaterThan(1e-4);
      }
    }
  }

  private static double loss(TorchModule module, HostTensor... batch) {
    HostTensor[] inputs = Arrays.copyOf(batch, batch.length + 2);
    inputs[batch.length] = HYPER;
    inputs[batch.length + 1] = COUNTERS;
    return module.run("train_step", inputs).get(0).toDoubles()[0];
  }

  /** The first half of a batch of four. */
  private static HostTensor part(HostTensor batch) {
    long[] shape = batch.shape();
    shape[0] /= 2;
    HostTensor half = HostTensor.zeros(batch.dtype(), shape);
    ByteBuffer data = batch.data();
    half.data().put(data.limit(half.data().remaining()));
    return half;
  }

  private static HostTensor twice(HostTensor half) {
    long[] shape = half.shape();
    shape[0] *= 2;
    HostTensor batch = HostTensor.zeros(half.dtype(), shape);
    batch.data().put(half.data()).put(half.data());
    return batch;
  }

  @ParameterizedTest
  @CsvSource({"FP32, CPU", "BF16, CPU", "FP32, PORTABLE", "BF16, PORTABLE"})
  void shouldTeachAsATeacherInACallOfItsOwn(Precision precision, NetworkForm form)
      throws Exception {
    Settings settings = PlainSettings.of(0.25, 1, 0.5, 1, precision, form);
    double[] together;
    double[] apart;
    double[] exp;
    HostTensor epsTeacher;
    try (TorchModule module = load(NETWORK, settings);
        TorchModule teacher =
            Libtorch.load(directory.resolve("teacher.pt"), "cpu", TorchModule.Mode.INFERENCE)) {
      epsTeacher = teacher.forward(XT, T);
      together = module.run("teach_step", XT, NOISE, T, HYPER, COUNTERS).get(0).toDoubles();
      exp = all(module.run("exp_avg"));
      // The frozen teacher is not among what a step changes.
      assertThat(module.run("weights")).hasSize(NETWORK.weights().size());
    }
    try (TorchModule module = load(NETWORK, settings)) {
      apart =
          module.run("distill_step", XT, NOISE, T, epsTeacher, HYPER, COUNTERS).get(0).toDoubles();
      double tolerance = precision == Precision.FP32 ? 1e-6 : 2e-2;
      for (int i = 0; i < 4; i++) {
        assertThat(together[i]).isCloseTo(apart[i], within(tolerance * apart[i]));
      }
      assertThat(distance(exp, all(module.run("exp_avg")))).isLessThan(tolerance);
    }
    assertThat(together[2]).isGreaterThan(0.01); // the teacher says something
  }

  @ParameterizedTest
  @CsvSource({"CPU, 0", "PORTABLE, 0", "CPU, 3", "PORTABLE, 3"})
  void shouldGiveNearlyTheSameGradientsInBfloat16(NetworkForm form, int classes) throws Exception {
    Network network =
        Network.of(NETWORK.spec(), NETWORK.resolution(), NETWORK.imageChannels(), classes);
    HostTensor y = HostTensor.ofLongs(new long[] {2, 0, 2, 1}, 4);
    HostTensor[] inputs =
        classes > 0 ? new HostTensor[] {XT, NOISE, T, y} : new HostTensor[] {XT, NOISE, T};
    try (TorchModule fp32 = load(network, network, PlainSettings.of(0.25, 1, 0, 1, form));
        TorchModule bf16 =
            load(network, network, PlainSettings.of(0.25, 1, 0, 1, Precision.BF16, form))) {
      double[] expected = all(fp32.run("gradients", inputs));
      List<HostTensor> gradients = bf16.run("gradients", inputs);
      double[] found = all(gradients);
      double product = 0;
      double a = 0;
      double b = 0;
      for (int i = 0; i < found.length; i++) {
        product += found[i] * expected[i];
        a += found[i] * found[i];
        b += expected[i] * expected[i];
      }
      assertThat(product / Math.sqrt(a * b)).isGreaterThan(0.99);
      assertThat(distance(found, expected)).isBetween(1e-4, 0.1); // it is bfloat16, and works
      assertThat(gradients).allMatch(g -> g.dtype() == HostTensor.DType.F32);
      double loss = loss(bf16, inputs);
      assertThat(loss).isCloseTo(loss(fp32, inputs), within(0.01 * loss));
      for (String part : List.of("weights", "ema", "exp_avg", "exp_avg_sq")) {
        assertThat(bf16.run(part)).allMatch(w -> w.dtype() == HostTensor.DType.F32);
      }
    }
  }

  private static double[] all(List<HostTensor> tensors) {
    return tensors.stream().flatMapToDouble(t -> Arrays.stream(t.toDoubles())).toArray();
  }

  /** ||a - b|| / ||b||. */
  private static double distance(HostTensor a, HostTensor b) {
    return distance(a.toDoubles(), b.toDoubles());
  }

  private static double distance(double[] x, double[] y) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < y.length; i++) {
      difference += (x[i] - y[i]) * (x[i] - y[i]);
      norm += y[i] * y[i];
    }
    return Math.sqrt(difference / norm);
  }
}

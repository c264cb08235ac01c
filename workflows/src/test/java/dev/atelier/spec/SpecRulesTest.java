package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.atelier.spec.AssignmentSpec.Kind;
import dev.atelier.spec.AssignmentSpec.Signal;
import dev.atelier.spec.AssignmentSpec.Weight;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.spec.EvaluationSpec.Shard;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.StudentsSpec.Owner;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.StudentsSpec.StudentOverride;
import dev.atelier.spec.TrainingSpec.LearningRateSchedule;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SpecRulesTest {

  @Test
  void shouldFindNothingWhenAllIsDefault() {
    assertThat(SpecRules.check(spec(s -> s))).isEmpty();
  }

  @Test
  void shouldLeaveTheForwardProcessToAnImportedTeacherWhereASpecHasNone() {
    TeacherSpec imported = new TeacherSpec(Optional.of("teacher"), null, null);
    TeacherSpec trained = new TeacherSpec(Optional.empty(), null, null);
    DiffusionSpec given = DiffusionSpec.DEFAULTS;
    assertThat(of(null, imported).diffusion()).isEqualTo(DiffusionSpec.OF_TEACHER);
    assertThat(of(null, trained).diffusion()).isEqualTo(given);
    assertThat(of(given, imported).diffusion().isTeachers()).isFalse();
    assertThat(SpecRules.check(of(DiffusionSpec.OF_TEACHER, trained)))
        .extracting(SpecFault::field)
        .containsExactly("diffusion.from");
  }

  @Test
  void shouldTakeAVariantAndPartsOfAnImportedTeacherAlone() {
    TeacherSpec imported =
        TeacherSpecBuilder.builder()
            .source(Optional.of("t"))
            .variant(Optional.of("fp16"))
            .parts(Optional.of(TeacherSpec.Parts.REFERENCED))
            .build();
    assertThat(SpecRules.check(of(null, imported))).isEmpty();
    TeacherSpec trained = TeacherSpecBuilder.builder(imported).source(Optional.empty()).build();
    assertThat(SpecRules.check(of(null, trained)))
        .extracting(SpecFault::field)
        .containsExactly("teacher.variant", "teacher.parts");
  }

  @Test
  void shouldMeanEpsWhereASpecDoesNotSayWhatIsPredicted() {
    DiffusionSpec silent = DiffusionSpec.DEFAULTS;
    assertThat(silent.predicting(Prediction.EPS)).isEqualTo(silent);
    assertThat(silent.teacherPredicts()).isEqualTo(Prediction.EPS);
    DiffusionSpec image = silent.predicting(Prediction.X0);
    assertThat(image.studentsPredict()).isEqualTo(Prediction.X0);
    assertThat(predicting(image, Prediction.X0)).isEqualTo(image);
    assertThat(predicting(image, Prediction.EPS).studentsPredict()).isEqualTo(Prediction.EPS);
  }

  @Test
  void shouldRefuseStudentsThatPredictOtherwiseWhereTheTeachersOutputsAreUsed() {
    DiffusionSpec other = predicting(DiffusionSpec.DEFAULTS, Prediction.X0);
    ExperimentSpec random = spec(s -> s.diffusion(other));
    assertThat(SpecRules.check(random)).isEmpty();
    assertThat(
            SpecRules.check(
                random.with(random.students().startingFrom(StartFrom.TEACHER_MAGNITUDE))))
        .containsExactly(
            new SpecFault(
                "diffusion.studentPrediction",
                "must be left out, or eps as the teacher's, where students.startFrom prunes the teacher, found x0."));
    var eps = new FeatureLossSpec(FeatureLossSpec.Kind.ATTENTION, null, List.of("eps"), null);
    assertThat(fields(spec(s -> s.diffusion(other).loss(new LossSpec(1.0, 1.0, eps)))))
        .containsExactly("diffusion.studentPrediction");
  }

  @Test
  void shouldRefuseAGammaWithoutAWeighting() {
    TrainingSpec gamma =
        TrainingSpecBuilder.builder()
            .weighting(Optional.of(Weighting.NONE))
            .weightingGamma(Optional.of(2.0))
            .build();
    ExperimentSpec plain = spec(s -> s);
    StudentsSpec students = plain.students();
    assertThat(
            SpecRules.check(
                plain.with(StudentsSpecBuilder.builder(students).training(gamma).build())))
        .containsExactly(
            new SpecFault(
                "students.training.weightingGamma",
                "is for a weighting: expected weighting, or no value, found 2.0."));
  }

  private static DiffusionSpec predicting(DiffusionSpec diffusion, Prediction students) {
    return DiffusionSpecBuilder.builder()
        .prediction(diffusion.prediction())
        .studentPrediction(Optional.of(students))
        .build();
  }

  @Test
  void shouldWeighTheErrorsOfOneStudentOtherwise() {
    TrainingSpec base =
        weighted(Optional.of(Weighting.MIN_SNR), Optional.of(3.0)).applyTo(TrainingSpec.DEFAULTS);
    Optional<Weighting> none = Optional.empty();
    assertThat(base.gamma()).isEqualTo(3);
    assertThat(weighted(none, Optional.empty()).applyTo(base)).isEqualTo(base);
    assertThat(weighted(none, Optional.of(7.0)).applyTo(base).gamma()).isEqualTo(7);
    TrainingOverrides p2 = weighted(Optional.of(Weighting.P2), Optional.empty());
    assertThat(p2.applyTo(base).weighting()).contains(Weighting.P2);
    assertThat(p2.applyTo(base).gamma()).isEqualTo(1); // its own
    TrainingOverrides off = weighted(Optional.of(Weighting.NONE), Optional.empty());
    assertThat(off.applyTo(base)).isEqualTo(TrainingSpec.DEFAULTS);
    assertThat(p2.then(weighted(none, Optional.of(2.0))))
        .isEqualTo(weighted(Optional.of(Weighting.P2), Optional.of(2.0)));
    assertThat(weighted(none, Optional.of(2.0)).then(p2)).isEqualTo(p2);
  }

  @Test
  void shouldRefuseAGammaOfOneStudentWithoutAWeighting() {
    TrainingOverrides gamma = weighted(Optional.empty(), Optional.of(2.0));
    ExperimentSpec plain = spec(s -> s);
    StudentsSpec students = plain.students();
    StudentsSpec other =
        StudentsSpecBuilder.builder(students)
            .overrides(List.of(new StudentOverride(1, gamma)))
            .build();
    assertThat(SpecRules.check(plain.with(other)))
        .containsExactly(
            new SpecFault(
                "students.overrides[0].training.weightingGamma",
                "is for a weighting: expected weighting, or no value, found 2.0."));
  }

  private static TrainingOverrides weighted(Optional<Weighting> weighting, Optional<Double> gamma) {
    Optional<Double> none = Optional.empty();
    return TrainingOverridesBuilder.builder()
        .learningRate(none)
        .clipNorm(none)
        .divergenceLoss(none)
        .weighting(weighting)
        .weightingGamma(gamma)
        .build();
  }

  @Test
  void shouldRefuseEpsWhereNothingOfTheImageIsLeft() {
    assertThat(fields(spec(s -> s.diffusion(endingInNoise(Prediction.V, Prediction.V))))).isEmpty();
    assertThat(fields(spec(s -> s.diffusion(endingInNoise(Prediction.EPS, Prediction.V)))))
        .containsExactly("diffusion.prediction");
    assertThat(fields(spec(s -> s.diffusion(endingInNoise(Prediction.V, Prediction.EPS)))))
        .containsExactly("diffusion.studentPrediction");
  }

  @Test
  void shouldFollowAFlowWithEulerAlone() {
    DiffusionSpec flow =
        DiffusionSpecBuilder.builder()
            .prediction(Optional.of(Prediction.FLOW))
            .zeroTerminalSnr(Optional.of(true))
            .build();
    assertThat(flow.schedule()).isEqualTo(DiffusionSpec.Schedule.FLOW);
    var euler =
        new EvaluationSpec.SamplerSpec(
            EvaluationSpec.SamplerSpec.Kind.EULER, 20, null, null, false);
    DiffusionSpec plain = DiffusionSpec.DEFAULTS.predicting(Prediction.FLOW);
    assertThat(plain.schedule()).isEqualTo(DiffusionSpec.Schedule.LINEAR); // which was said
    assertThat(fields(spec(s -> s.diffusion(flow).evaluation(sampledBy(euler)))))
        .containsExactly("diffusion.zeroTerminalSnr");
    assertThat(SpecRules.check(spec(s -> s.diffusion(flow.predicting(Prediction.EPS)))))
        .extracting(SpecFault::field)
        .containsExactly(
            "diffusion.zeroTerminalSnr", "diffusion.prediction", "evaluation.sampler.kind");
  }

  @Test
  void shouldNameTheSamplerThatCannotFollowAFlow() {
    DiffusionSpec flow =
        DiffusionSpecBuilder.builder().prediction(Optional.of(Prediction.FLOW)).build();
    var multistep =
        new EvaluationSpec.SamplerSpec(
            EvaluationSpec.SamplerSpec.Kind.DPM_SOLVER_PLUS_PLUS, 20, null, null, null);
    assertThat(SpecRules.check(spec(s -> s.diffusion(flow).evaluation(sampledBy(multistep)))))
        .containsExactly(
            new SpecFault(
                "evaluation.sampler.kind",
                "must be euler for diffusion.schedule flow, found dpm-solver++."));
  }

  private static DiffusionSpec endingInNoise(Prediction teacher, Prediction students) {
    return DiffusionSpecBuilder.builder()
        .prediction(Optional.of(teacher))
        .studentPrediction(Optional.of(students))
        .zeroTerminalSnr(Optional.of(true))
        .build();
  }

  private static ExperimentSpec of(DiffusionSpec diffusion, TeacherSpec teacher) {
    return ExperimentSpecBuilder.builder().name("e").diffusion(diffusion).teacher(teacher).build();
  }

  @Test
  void shouldRefuseAPlanWhereAStudentCouldHaveNoRange() {
    assertThat(students("snr", s -> s.assignment(kind(Kind.SNR)).count(12), 11))
        .containsExactly("students.assignment");
    assertThat(students("snr", s -> s.assignment(kind(Kind.SNR)).count(12), 12)).isEmpty();
    assertThat(students("karras", s -> s.assignment(kind(Kind.KARRAS)).count(12), 11))
        .containsExactly("students.assignment");
    var measured = new AssignmentSpec(Kind.MEASURED, null, null, null, 10, null);
    assertThat(students("bins", s -> s.assignment(measured).count(11), 1000))
        .containsExactly("students.assignment.bins");
    assertThat(students("bins", s -> s.assignment(measured).count(10), 10)).isEmpty();
    var fine = new AssignmentSpec(Kind.MEASURED, null, null, null, 12, null);
    assertThat(students("fine", s -> s.assignment(fine).count(4), 11))
        .containsExactly("students.assignment.bins");
  }

  @Test
  void shouldRefuseWhatOnlyMeasuredReadsOfAnotherKind() {
    var assignment = new AssignmentSpec(Kind.SNR, null, null, Signal.CKA, 20, 64);
    assertThat(fields(spec(s -> s.assignment(assignment))))
        .containsExactlyInAnyOrder(
            "students.assignment.signal", "students.assignment.bins", "students.assignment.images");
    var weighted = new AssignmentSpec(Kind.VISITS, null, null, null, null, null, Weight.VISITS);
    assertThat(fields(spec(s -> s.assignment(weighted))))
        .containsExactly("students.assignment.weight");
    var measured = new AssignmentSpec(Kind.MEASURED, null, null, Signal.CKA, 20, 64, Weight.VISITS);
    assertThat(fields(spec(s -> s.assignment(measured)))).isEmpty();
  }

  @Test
  void shouldRefuseMoreStudentsThanTimestepsThatTheSamplerVisitsWhenVisitsAssign() {
    // quad visits 96 timesteps of 1000 in 100 steps.
    assertThat(faultsOfVisits(97))
        .containsExactly(
            new SpecFault(
                "students.assignment.kind",
                "visits gives each student a step of the sampler: expected at most 96 students, the timesteps that evaluation.sampler visits, found students.count 97."));
    assertThat(faultsOfVisits(96)).isEmpty();
  }

  private static List<SpecFault> faultsOfVisits(int students) {
    return SpecRules.check(
        ExperimentSpecBuilder.builder()
            .name("test")
            .students(
                StudentsSpecBuilder.builder().count(students).assignment(kind(Kind.VISITS)).build())
            .build());
  }

  @Test
  void shouldRefuseATeachersRangeThatIsToBeTrained() {
    var training = TrainingOverrides.NONE.then(steps(5));
    var override =
        new StudentOverride(2, training, Optional.of(NetworkSpec.ofWidth(64)), Owner.TEACHER);
    assertThat(fields(withStudents(override, StartFrom.RANDOM)))
        .containsExactlyInAnyOrder(
            "students.overrides[0].network", "students.overrides[0].training");
  }

  @Test
  void shouldRefuseThatTheTeacherOwnsEveryRange() {
    List<StudentOverride> all =
        List.of(
            new StudentOverride(1, null, Optional.empty(), Owner.TEACHER),
            new StudentOverride(2, null, Optional.empty(), Owner.TEACHER));
    var both = StudentsSpecBuilder.builder().count(2).overrides(all).build();
    var one = StudentsSpecBuilder.builder().count(3).overrides(all).build();
    assertThat(fields(ExperimentSpecBuilder.builder().students(both).build()))
        .containsExactly("students.overrides");
    assertThat(fields(ExperimentSpecBuilder.builder().students(one).build())).isEmpty();
  }

  @Test
  void shouldCheckTheNetworkOfASingleStudent() {
    var odd = network(32, List.of(1, 2, 2, 2), List.of(5), 1, Optional.empty());
    var override = new StudentOverride(2, null, Optional.of(odd), null);
    assertThat(fields(withStudents(override, StartFrom.RANDOM)))
        .containsExactly("students.overrides[0].network.attentionResolutions[0]");
  }

  @Test
  void shouldRefuseAStartThatTheNetworkDoesNotFit() {
    var wide = new StudentOverride(2, null, Optional.of(NetworkSpec.ofWidth(160)), null);
    assertThat(fields(withStudents(wide, StartFrom.TEACHER_MAGNITUDE)))
        .containsExactly("students.overrides[0].network");
    assertThat(fields(withStudents(wide, StartFrom.ONE_TO_ONE)))
        .containsExactly("students.overrides[0].network");
    assertThat(fields(withStudents(wide, StartFrom.RANDOM))).isEmpty();
    var narrow = new StudentOverride(2, null, Optional.of(NetworkSpec.ofWidth(64)), null);
    assertThat(fields(withStudents(narrow, StartFrom.TEACHER_TAYLOR))).isEmpty();
    var deep =
        new StudentOverride(
            2,
            null,
            Optional.of(network(32, List.of(1, 2), List.of(16), 1, Optional.empty())),
            null);
    assertThat(fields(withStudents(deep, StartFrom.TEACHER_TAYLOR)))
        .containsExactly("students.overrides[0].network");
    var elsewhere =
        new StudentOverride(
            2,
            null,
            Optional.of(network(32, List.of(1, 1, 2, 2), List.of(16), 1, Optional.empty())),
            null);
    assertThat(fields(withStudents(elsewhere, StartFrom.TEACHER_TAYLOR)))
        .containsExactly("students.overrides[0].network");
  }

  private static TrainingOverrides steps(int steps) {
    Optional<Double> none = Optional.empty();
    return TrainingOverridesBuilder.builder()
        .steps(Optional.of(steps))
        .learningRate(none)
        .clipNorm(none)
        .divergenceLoss(none)
        .weightingGamma(none)
        .build();
  }

  private static AssignmentSpec kind(Kind kind) {
    return new AssignmentSpec(kind, null, null);
  }

  private static List<String> students(
      String name, UnaryOperator<SpecRulesTestDraftBuilder> change, int timesteps) {
    return fields(
        spec(
            s ->
                change.apply(
                    s.name(name)
                        .diffusion(DiffusionSpecBuilder.builder().timesteps(timesteps).build())
                        .evaluation(
                            EvaluationSpecBuilder.builder()
                                .sampler(new EvaluationSpec.SamplerSpec(null, 5, null, null))
                                .build()))));
  }

  private static ExperimentSpec withStudents(StudentOverride override, StartFrom startFrom) {
    var students =
        StudentsSpecBuilder.builder()
            .count(4)
            .overrides(List.of(override))
            .startFrom(startFrom)
            .build();
    return ExperimentSpecBuilder.builder().students(students).build();
  }

  @Test
  void shouldRefuseABlankName() {
    assertThat(fields(spec(s -> s.name("  ")))).containsExactly("name");
  }

  @Test
  void shouldRefuseALabelKeyThatNoFilterCouldName() {
    assertThat(fields(spec(s -> s.labels(Map.of("a:b", "c"))))).containsExactly("labels.a:b");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "shapes",
        "shapes?count=2000",
        "shapes?count=2000&seed=-7",
        "shapes?without=red+circle,blue+cross&count=9",
        "cifar10",
        "images",
        "../images.tar.xz",
        "/data/my images",
        "file:/data/images",
        "https://host/images.zip",
        "s3://bucket/images.zip"
      })
  void shouldAcceptEveryKindOfSource(String source) {
    assertThat(SourceRules.datasetFault(source)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "shapes?size=3 | unknown parameter 'size'",
        "shapes?count=many | whole number for count, found 'many'",
        "shapes?count | whole number for count, found ''",
        "shapes? | unknown parameter ''",
        "shapes?count=0 | count from 1 to 10000000, found 0",
        "shapes?without=red | hues and shapes for without, as in red+circle,blue+cross, found 'red'",
        "shapes?without=red+circle, | found ''",
        "shapes?without=red+oval | found 'red+oval'",
        "shapes?count=5&count=6 | names the parameter count twice",
        "cifar10?x=1 | takes no parameters",
        "ftp://host/a.zip | unknown scheme 'ftp'",
        "http:/a.zip | needs a host",
        "https://ho st/a | is not a URI",
        "s3://bucket | needs a bucket and a key",
        "file: | is not a URI",
        "'   ' | must not be blank"
      })
  void shouldRefuseASourceOfNoKnownForm(String source, String message) {
    assertThat(SourceRules.datasetFault(source).orElse("no fault")).contains(message);
  }

  @ParameterizedTest
  @CsvSource({
    "https://user:pass@host/a.zip, names a user before '@', https://host/a.zip",
    "s3://user@bucket/a.zip, names a user before '@', s3://bucket/a.zip",
    "https://host/a.zip?x=1&X-Amz-Signature=abc, 'X-Amz-Signature', https://host/a.zip?x=1&X-Amz-Signature=…",
    "https://host/a.zip?sig=abc&se=1, 'sig', https://host/a.zip?sig=…&se=1",
    "https://host/a.zip?access_token=abc, 'access_token', https://host/a.zip?access_token=…",
    "https://host/a.zip?Signature=abc&Expires=1, 'Signature', https://host/a.zip?Signature=…&Expires=1",
    "https://host/a.zip?api_key=abc#x, part after '#', https://host/a.zip?api_key=…#x",
    "https://user:pass@ho st/a.zip, is not a URI, https://ho st/a.zip",
    "https://host/a.zip?%74oken=abc, 'token', https://host/a.zip?%74oken=…",
    "https://host/a.zip?x=1&%2553ig=abc#credentials=x, 'Sig', https://host/a.zip?x=1&%2553ig=…#credentials=x",
    "https://host/a.zip?x=1;X%2DAmz%2dSignature=abc, 'X-Amz-Signature', https://host/a.zip?x=1;X%2DAmz%2dSignature=…",
    "https://host/a.zip?%zz%74oken=a?b=abc, is not a URI, https://host/a.zip?%zz%74oken=…",
  })
  void shouldRefuseSecretsInASourceAndShowItWithoutThem(
      String source, String message, String redacted) {
    assertThat(SourceRules.datasetFault(source).orElse(""))
        .contains(message)
        .doesNotContain("abc", "pass");
    assertThat(SourceSecrets.redacted(source)).isEqualTo(redacted);
  }

  @ParameterizedTest
  @CsvSource({
    "https://host/get?url=https%3A%2F%2Fother%2Fa%3Ftoken%3Dabc, 'token'",
    "https://host/get?url=https%3A%2F%2Fme%3Apass%40other%2Fa, a user before '@'",
  })
  void shouldRefuseAnAddressWithASecretInsideOfAnother(String source, String message) {
    assertThat(SourceRules.datasetFault(source).orElse(""))
        .contains(message)
        .doesNotContain("abc", "pass");
  }

  @ParameterizedTest
  @CsvSource({
    "as of https://host/a.zip?%74oken=abc, 'token'",
    "(ftp://me:pass@host/a) and more, a user before '@'",
    "two: http://a/b http://a/b?sig=abc, 'sig'",
  })
  void shouldFindAnAddressWithASecretInAText(String text, String message) {
    assertThat(SourceSecrets.faultIn(text).orElse(""))
        .contains(message)
        .doesNotContain("abc", "pass");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "is t?key=1 better, as me@host says",
        "https://host/a me@host?key=1",
        "see https://host/a.zip?page=1"
      })
  void shouldTakeATextThatNamesNoSecret(String text) {
    assertThat(SourceSecrets.faultIn(text)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://host/a.zip?download=1&design=x&monkeys=2",
        "https://host/a.zip#credentials=vision",
        "/data/a@b?key=1",
        "shapes?count=5"
      })
  void shouldTakeAnAddressWithoutSecretsAsItIs(String source) {
    assertThat(SourceRules.datasetFault(source)).isEmpty();
    assertThat(SourceSecrets.redacted(source)).isEqualTo(source);
  }

  @ParameterizedTest
  @ValueSource(strings = {"..", "a/../../b", "/etc"})
  void shouldRefuseASubdirectoryOutsideTheSource(String subdirectory) {
    assertThat(fields(spec(s -> s.dataset(new DatasetSpec("images", subdirectory, null, null)))))
        .containsExactly("dataset.subdirectory");
  }

  @Test
  void shouldWantGrowingBetasOnlyOfTheLinearSchedule() {
    var linear =
        DiffusionSpecBuilder.builder()
            .schedule(DiffusionSpec.Schedule.LINEAR)
            .betaStart(0.02)
            .betaEnd(0.02)
            .build();
    var cosine =
        DiffusionSpecBuilder.builder()
            .schedule(DiffusionSpec.Schedule.COSINE)
            .betaStart(0.02)
            .betaEnd(0.02)
            .build();
    assertThat(fields(spec(s -> s.diffusion(linear)))).containsExactly("diffusion.betaEnd");
    assertThat(fields(spec(s -> s.diffusion(cosine)))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "teacher.pt | ",
        "./shapes | ",
        "s3://bucket/teacher.safetensors | ",
        "cifar10 | names a dataset, found 'cifar10'",
        "shapes?count=4 | names a dataset, found 'shapes?count=4'",
        "ftp://host/teacher.pt | unknown scheme 'ftp'"
      })
  void shouldRefuseATeacherThatIsNoPathOrUri(String source, String message) {
    assertThat(SourceRules.teacherFault(source).orElse(""))
        .contains(message == null ? "" : message)
        .matches(found -> found.isEmpty() == (message == null));
  }

  @Test
  void shouldNotJudgeTheDefaultNetworkWhenTheTeacherIsImported() {
    // 20 is no multiple of 8, which the four levels of the default network need.
    var dataset = new DatasetSpec("shapes?count=32", null, 20, null);
    var imported = new TeacherSpec(Optional.of("teacher.pt"), null, null);
    var trained = new TeacherSpec(Optional.empty(), null, null);
    assertThat(teacherFaults(dataset, imported)).isEmpty();
    assertThat(teacherFaults(dataset, trained))
        .containsExactly("teacher.network.multipliers", "teacher.training.batchSize");
  }

  private static List<String> teacherFaults(DatasetSpec dataset, TeacherSpec teacher) {
    return fields(ExperimentSpecBuilder.builder().dataset(dataset).teacher(teacher).build())
        .stream()
        .filter(field -> field.startsWith("teacher"))
        .toList();
  }

  @Test
  void shouldRefuseALevelThatCannotHalveTheResolution() {
    var network = network(32, List.of(1, 2, 2), List.of(), 1, Optional.empty());
    assertThat(
            SpecRules.check(spec(s -> s.dataset(shapesOf(18)).teacher(network).students(network))))
        .containsExactly(
            new SpecFault(
                "teacher.network.multipliers",
                "has 3 levels, so that dataset.resolution must be divisible by 4, found 18."),
            new SpecFault(
                "students.network.multipliers",
                "has 3 levels, so that dataset.resolution must be divisible by 4, found 18."));
  }

  @Test
  void shouldRefuseAttentionWhereThereIsNoLevelOrTwice() {
    var network = network(32, List.of(1, 2, 2), List.of(8, 7, 8), 1, Optional.empty());
    assertThat(
            SpecRules.check(spec(s -> s.dataset(shapesOf(16)).teacher(network).students(quiet()))))
        .containsExactly(
            new SpecFault(
                "teacher.network.attentionResolutions[1]",
                "must be the resolution of a level, one of [16, 8, 4], found 7."),
            new SpecFault(
                "teacher.network.attentionResolutions[2]",
                "names the resolution 8 a second time."));
  }

  @Test
  void shouldRefuseGroupsThatDoNotDivideAWidth() {
    var network = network(24, List.of(1, 2), List.of(), 1, Optional.of(16));
    assertThat(SpecRules.check(spec(s -> s.students(network))))
        .containsExactly(
            new SpecFault(
                "students.network.groups",
                "must divide every width, found 16 groups for the width 24."));
  }

  @Test
  void shouldWantHeadsOfOneWidthToFillEachWidthThatAttends() {
    assertThat(fields(spec(s -> s.students(heads(1, 20))))).isEmpty();
    assertThat(SpecRules.check(spec(s -> s.students(heads(2, 12)))))
        .containsExactly(
            new SpecFault(
                "students.network.attentionHeads",
                "must be left out where attentionHeadWidth says how many heads there are, found 2."),
            new SpecFault(
                "students.network.attentionHeadWidth",
                "must divide every width with attention, found 12 for the width 40."));
  }

  /** Widths 20, 40, 60 at 32, 16, 8, of which the last two attend. */
  private static NetworkSpec heads(int heads, int width) {
    return new NetworkSpec(
        20,
        List.of(1, 2, 3),
        1,
        List.of(16),
        heads,
        null,
        Optional.empty(),
        Optional.of(width),
        Optional.empty());
  }

  private static NetworkSpec transformer(int patchSize, int heads, int headWidth) {
    return NetworkSpec.of(new TransformerSpec(patchSize, 2, heads, headWidth, null, null));
  }

  @Test
  void shouldWantATransformerToFitTheImagesAndItself() {
    assertThat(fields(spec(s -> s.students(transformer(4, 3, 8))))).isEmpty();
    assertThat(SpecRules.check(spec(s -> s.students(transformer(3, 3, 7)))))
        .containsExactly(
            new SpecFault(
                "students.network.transformer.patchSize",
                "must divide dataset.resolution 32, found 3."),
            new SpecFault(
                "students.network.transformer.headWidth",
                "times heads must be divisible by 4 (positions are sines and cosines of columns and rows), found 7 times 3."));
    NetworkSpec both =
        NetworkSpecBuilder.builder()
            .channels(64)
            .transformer(transformer(4, 3, 8).transformer())
            .build();
    assertThat(fields(spec(s -> s.students(both)))).containsExactly("students.network.transformer");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Architectures.of(transformer(3, 1, 8)).graph(32, 3, 0))
        .withMessage("network.transformer.patchSize must divide dataset.resolution 32, found 3.");
  }

  private static NetworkSpec blocks(List<Block> down, List<Block> up, int... attention) {
    return NetworkSpecBuilder.builder()
        .channels(32)
        .multipliers(List.of(1, 2))
        .attentionResolutions(
            attention.length == 0 ? null : Arrays.stream(attention).boxed().toList())
        .blocks(Optional.of(new BlocksSpec(down, Middle.ATTENTION, up)))
        .build();
  }

  @Test
  void shouldSayWhichKindsOfLevelsDoNotFitEachOther() {
    List<Block> plain = List.of(Block.PLAIN, Block.PLAIN);
    assertThat(fields(spec(s -> s.students(blocks(plain, plain))))).isEmpty();
    assertThat(fields(spec(s -> s.students(blocks(plain, plain, 16)))))
        .containsExactly("students.network.attentionResolutions");
    assertThat(SpecRules.check(spec(s -> s.students(blocks(plain, List.of(Block.PLAIN))))))
        .containsExactly(
            new SpecFault(
                "students.network.blocks.up",
                "must have one for each of the 2 levels of multipliers, found 1."));
    List<Block> skipFirst = List.of(Block.SKIP, Block.PLAIN);
    List<Block> skipLast = List.of(Block.PLAIN, Block.SKIP);
    assertThat(fields(spec(s -> s.students(blocks(skipFirst, skipLast))))).isEmpty();
    assertThat(fields(spec(s -> s.students(blocks(skipFirst, skipFirst)))))
        .containsExactly("students.network.blocks.up[1]");
    assertThat(
            fields(
                spec(s -> s.students(blocks(List.of(Block.CROSS_ATTENTION, Block.PLAIN), plain)))))
        .containsExactly("students.network.crossAttention");
  }

  @Test
  void shouldPruneATransformerToFewerOrNarrowerHeads() {
    NetworkSpec teacher = transformer(4, 3, 8);
    for (NetworkSpec fits : List.of(teacher, transformer(4, 2, 8), transformer(4, 3, 4))) {
      assertThat(PruningRule.fault(teacher, fits, 32)).isEmpty();
    }
    assertThat(PruningRule.fault(transformer(4, 2, 8), teacher, 32))
        .contains(
            "must not be wider than the teacher to be pruned from it, found the width 24 for the teacher's 16.");
    assertThat(PruningRule.fault(teacher, NetworkSpec.ofWidth(16), 32))
        .contains("must be a transformer as the teacher is to be pruned from it.");
    assertThat(PruningRule.fault(NetworkSpec.ofWidth(16), teacher, 32))
        .contains("must be a U-Net as the teacher is to be pruned from it.");
  }

  @Test
  void shouldWantHeadsToDivideOnlyTheWidthsThatAttend() {
    // Widths 20, 40, 60 at 32, 16, 8; the middle block attends at 60.
    var divides = network(20, List.of(1, 2, 3), List.of(8), 6, Optional.empty());
    var doesNot = network(20, List.of(1, 2, 3), List.of(16), 6, Optional.empty());
    assertThat(fields(spec(s -> s.students(divides)))).isEmpty();
    assertThat(SpecRules.check(spec(s -> s.students(doesNot))))
        .containsExactly(
            new SpecFault(
                "students.network.attentionHeads",
                "must divide every width with attention, found 6 heads for the width 40."));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0,500,1000 | ",
        "10,500,1000 | [0] must be 0, found 10: the timesteps [0, 10) would have no student.",
        "0,500,900 | [2] must be diffusion.timesteps 1000, found 900.",
        "0,500,500,1000 |  must have one entry more than students.count 2, found 4 entries."
            + ";[2] must be more than the boundary 500 before it, found 500.",
        "0,1000,1000 | [2] must be more than the boundary 1000 before it, found 1000.",
        "0 |  must have one entry more than students.count 2, found 1 entries."
            + ";[0] must be diffusion.timesteps 1000, found 0.",
      })
  void shouldWantExplicitBoundariesToCoverEveryTimestepOnce(String cuts, String expected) {
    List<Integer> boundaries =
        java.util.Arrays.stream(cuts.split(",")).map(Integer::valueOf).toList();
    var assignment = new AssignmentSpec(AssignmentSpec.Kind.EXPLICIT, null, boundaries);
    List<String> found =
        SpecRules.check(spec(s -> s.count(2).assignment(assignment))).stream()
            .map(f -> f.field().replace("students.assignment.boundaries", "") + " " + f.message())
            .map(String::strip)
            .toList();
    assertThat(found)
        .isEqualTo(
            expected == null
                ? List.of()
                : java.util.Arrays.stream(expected.split(";")).map(String::strip).toList());
  }

  @Test
  void shouldRefuseNoBoundariesWhenTheyAreToBeExplicit() {
    var assignment = new AssignmentSpec(AssignmentSpec.Kind.EXPLICIT, null, null);
    assertThat(fields(spec(s -> s.assignment(assignment))))
        .containsExactly("students.assignment.boundaries");
  }

  @Test
  void shouldRefuseSettingsThatTheAssignmentWouldIgnore() {
    var assignment = new AssignmentSpec(AssignmentSpec.Kind.UNIFORM, 2.0, List.of(0, 1000));
    assertThat(fields(spec(s -> s.assignment(assignment))))
        .containsExactly("students.assignment.boundaries", "students.assignment.gamma");
  }

  @Test
  void shouldRefuseACutThatLeavesAStudentWithoutTimesteps() {
    var power = new AssignmentSpec(AssignmentSpec.Kind.POWER, 4.0, null);
    // 1000·(1/8)^4 = 0.24, which rounds to 0.
    assertThat(SpecRules.check(spec(s -> s.count(8).assignment(power))))
        .containsExactly(
            new SpecFault(
                "students.assignment",
                "leaves student 1 without a timestep: 8 students cannot share T = 1000 with gamma"
                    + " 4.0."));
    assertThat(fields(spec(s -> s.count(4).assignment(power)))).isEmpty();
    var few = DiffusionSpecBuilder.builder().timesteps(10).build();
    assertThat(
            fields(
                spec(s -> s.count(11).diffusion(few).evaluation(evaluation(10, 100, 1, 1, "x")))))
        .containsExactly("students.assignment");
  }

  @Test
  void shouldRefuseALossWithoutWeights() {
    assertThat(fields(spec(s -> s.loss(new LossSpec(0.0, 0.0))))).containsExactly("students.loss");
    assertThat(fields(spec(s -> s.loss(new LossSpec(0.0, 1.0))))).isEmpty();
  }

  @Test
  void shouldRefuseToCompareASampleWithItselfAlone() {
    LossSpec samples =
        new LossSpec(
            null, null, new FeatureLossSpec(FeatureLossSpec.Kind.RELATIONAL_SAMPLE, null, null));
    for (int parts : new int[] {2, 4}) {
      TrainingSpec training =
          TrainingSpecBuilder.builder().batchSize(4).accumulationSteps(parts).build();
      StudentsSpec students =
          StudentsSpecBuilder.builder().training(training).loss(samples).build();
      ExperimentSpec whole = spec(s -> s);
      ExperimentSpec cut =
          ExperimentSpecBuilder.builder()
              .dataset(whole.dataset())
              .teacher(whole.teacher())
              .students(students)
              .evaluation(whole.evaluation())
              .build();
      assertThat(SpecRules.check(cut))
          .isEqualTo(
              parts == 2
                  ? List.of()
                  : List.of(
                      new SpecFault(
                          "students.training.batchSize",
                          "must be at least 2 images in each of 4 parts, as relational-sample compares images, found 4.")));
    }
  }

  private static ExperimentSpec comparing(FeatureLossSpec.Kind kind, Double weight, String... at) {
    return spec(
        s ->
            s.loss(
                new LossSpec(
                    null,
                    null,
                    new FeatureLossSpec(kind, weight, at.length == 0 ? null : List.of(at)))));
  }

  @Test
  void shouldAcceptFeaturesOfPlacesThatBothNetworksHave() {
    for (FeatureLossSpec.Kind kind : FeatureLossSpec.Kind.values()) {
      assertThat(fields(comparing(kind, null))).as(kind.name()).isEmpty();
    }
    assertThat(fields(comparing(FeatureLossSpec.Kind.HINT, 2.0, "mid", "up.0", "up.3"))).isEmpty();
    assertThat(new FeatureLossSpec(FeatureLossSpec.Kind.HINT, null, null))
        .isEqualTo(new FeatureLossSpec(FeatureLossSpec.Kind.HINT, 0.1, List.of("mid")));
    assertThat(fields(spec(s -> s.loss(new LossSpec(0.0, 0.0, FeatureLossSpec.NONE)))))
        .containsExactly("students.loss");
    FeatureLossSpec alone = new FeatureLossSpec(FeatureLossSpec.Kind.ATTENTION, null, null);
    assertThat(fields(spec(s -> s.loss(new LossSpec(0.0, 0.0, alone))))).isEmpty();
  }

  @Test
  void shouldTrainWhatLowRankStudentsShareFirst() {
    StudentsSpec lora =
        StudentsSpecBuilder.builder()
            .sharing(Optional.of(StudentsSpec.Sharing.LORA))
            .rank(Optional.of(4))
            .build();
    assertThat(lora.startFrom()).isEqualTo(StartFrom.ONE_TO_ONE);
    assertThat(lora.trainsOneToOne()).isTrue();
    assertThat(lora.designOf(1).loraRank()).contains(4);
    assertThat(lora.startingFrom(StartFrom.RANDOM))
        .isEqualTo(StudentsSpecBuilder.builder().build()); // of what is shared itself
    assertThat(SpecRules.check(ExperimentSpecBuilder.builder().students(lora).build())).isEmpty();
  }

  @Test
  void shouldRefuseLowRankStudentsThatShareNoNetwork() {
    StudentsSpec lora =
        StudentsSpecBuilder.builder().sharing(Optional.of(StudentsSpec.Sharing.LORA)).build();
    var pruned = StudentsSpecBuilder.builder(lora).startFrom(StartFrom.TEACHER_MAGNITUDE).build();
    assertThat(SpecRules.check(ExperimentSpecBuilder.builder().students(pruned).build()))
        .containsExactly(
            new SpecFault(
                "students.startFrom",
                "must be one-to-one or left out where students.sharing is lora: each student is a low-rank update of the one-to-one student, found teacher-magnitude."));
    var other =
        new StudentOverride(
            2,
            null,
            Optional.of(network(64, List.of(1, 2), List.of(16), 1, Optional.empty())),
            null);
    var shapes = StudentsSpecBuilder.builder(lora).overrides(List.of(other)).build();
    assertThat(SpecRules.check(ExperimentSpecBuilder.builder().students(shapes).build()))
        .containsExactly(
            new SpecFault(
                "students.overrides[0].network",
                "must be students.network when startFrom is one-to-one: all students start from the weights of one."));
    assertThat(
            SpecRules.check(
                ExperimentSpecBuilder.builder()
                    .students(lora)
                    .merge(
                        new MergeSpec(
                            MergeSpec.Kind.AVERAGE,
                            null,
                            Optional.empty(),
                            Optional.empty(),
                            null,
                            null))
                    .build()))
        .containsExactly(
            new SpecFault(
                "merge.kind",
                "must be none where students.sharing is lora, whose students share a network already, found average."));
    var rank = StudentsSpecBuilder.builder().rank(Optional.of(3)).build();
    assertThat(SpecRules.check(ExperimentSpecBuilder.builder().students(rank).build()))
        .containsExactly(
            new SpecFault("students.rank", "is for students.sharing lora only, found 3."));
  }

  @Test
  void shouldRefusePlacesThatATransformerLacksByName() {
    String path = "students.loss.feature";
    LossSpec decoder =
        new LossSpec(
            null,
            null,
            new FeatureLossSpec(FeatureLossSpec.Kind.ATTENTION, null, List.of("eps", "up.0")));
    assertThat(SpecRules.check(spec(s -> s.students(transformer(4, 3, 8)).loss(decoder))))
        .containsExactly(
            new SpecFault(
                path + ".at[1]",
                "must be a place of students.network, one of [mid, eps], found up.0."));
    ExperimentSpec taughtByTransformer =
        ExperimentSpecBuilder.builder(spec(s -> s.loss(decoder)))
            .teacher(TeacherSpecBuilder.builder().network(transformer(4, 3, 8)).build())
            .build();
    assertThat(SpecRules.check(taughtByTransformer))
        .containsExactly(
            new SpecFault(
                path + ".at[1]",
                "must be a place of teacher.network too, one of [mid, eps], found up.0."));
  }

  @Test
  void shouldRefuseFeaturesThatCannotBeCompared() {
    String path = "students.loss.feature";
    assertThat(fields(comparing(FeatureLossSpec.Kind.NONE, 1.0, "mid")))
        .containsExactlyInAnyOrder(path + ".weight", path + ".at");
    assertThat(fields(comparing(FeatureLossSpec.Kind.HINT, null, "mid", "up.4", "mid")))
        .containsExactlyInAnyOrder(path + ".at[1]", path + ".at[2]");
    assertThat(SpecRules.check(comparing(FeatureLossSpec.Kind.HINT, null, "up.4")).get(0).message())
        .isEqualTo(
            "must be a place of students.network, one of [mid, up.0, up.1, up.2, up.3, eps], found up.4.");
    NetworkSpec shallow =
        new NetworkSpec(96, List.of(1, 2, 2), null, null, null, null, Optional.empty());
    LossSpec noise =
        new LossSpec(
            null,
            null,
            new FeatureLossSpec(FeatureLossSpec.Kind.RELATIONAL_GRAM, null, List.of("eps")));
    assertThat(fields(spec(s -> s.students(shallow).loss(noise)))).isEmpty();
    LossSpec projected =
        new LossSpec(
            null,
            null,
            new FeatureLossSpec(
                FeatureLossSpec.Kind.ATTENTION, null, null, FeatureLossSpec.Projection.IDENTITY));
    assertThat(fields(spec(s -> s.loss(projected)))).containsExactly(path + ".projection");
    LossSpec hint =
        new LossSpec(null, null, new FeatureLossSpec(FeatureLossSpec.Kind.HINT, null, null));
    assertThat(SpecRules.check(spec(s -> s.students(shallow).loss(hint))))
        .containsExactly(
            new SpecFault(
                path + ".kind",
                "compares features of equal resolution: expected the 4 pixels per side that mid has in teacher.network, found 8 in students.network."));
    FeatureLossSpec nowhere = new FeatureLossSpec(FeatureLossSpec.Kind.HINT, null, List.of());
    assertThat(fields(spec(s -> s.loss(new LossSpec(null, null, nowhere)))))
        .containsExactly(path + ".at");
  }

  @Test
  void shouldWantEachOverrideToNameAnotherExistingStudent() {
    assertThat(SpecRules.check(spec(s -> s.count(2).overrides(List.of(1, 3, 1)))))
        .containsExactly(
            new SpecFault(
                "students.overrides[1].student", "must be at most students.count 2, found 3."),
            new SpecFault("students.overrides[2].student", "names student 1 a second time."));
  }

  @Test
  void shouldRefuseCaptionsThatAnImageCannotHave() {
    assertThat(captionFaults("shapes", false, null, null)).isEmpty();
    assertThat(captionFaults("/data/coco", false, "s3://bucket/captions.json", "text")).isEmpty();
    assertThat(captionFaults("shapes", true, null, null))
        .singleElement()
        .extracting(SpecFault::message)
        .asString()
        .contains("expected classConditional false, found true");
    assertThat(captionFaults("cifar10", false, null, null))
        .extracting(SpecFault::field)
        .containsExactly("dataset.captions");
    assertThat(captionFaults("shapes", false, "captions.json", null))
        .extracting(SpecFault::field)
        .containsExactly("dataset.captions");
    assertThat(captionFaults("/data/coco", false, "ftp://host/captions.json", null))
        .containsExactly(
            new SpecFault(
                "dataset.captions.source",
                "has the unknown scheme 'ftp': expected file, http, https, s3 or, for a teacher, hf."));
  }

  private static List<SpecFault> captionFaults(
      String source, boolean classConditional, String captions, String column) {
    CaptionsSpec asked =
        new CaptionsSpec(Optional.ofNullable(captions), Optional.ofNullable(column));
    DatasetSpec dataset =
        new DatasetSpec(
            source, null, null, null, 3, classConditional, null, null, Optional.of(asked));
    return SpecRules.check(spec(s -> s.dataset(dataset))).stream()
        .filter(fault -> fault.field().startsWith("dataset."))
        .toList();
  }

  @Test
  void shouldRefuseABatchOfMoreImagesThanThereAre() {
    assertThat(fields(spec(s -> s.dataset(new DatasetSpec("shapes?count=100", null, null, null)))))
        .containsExactly("teacher.training.batchSize", "students.training.batchSize");
    assertThat(fields(spec(s -> s.dataset(new DatasetSpec("images", null, null, 127)))))
        .containsExactly("teacher.training.batchSize", "students.training.batchSize");
    assertThat(fields(spec(s -> s.dataset(new DatasetSpec("shapes?count=128", null, null, null)))))
        .isEmpty();
  }

  @Test
  void shouldRefuseABatchThatCannotBeCutIntoEqualParts() {
    assertThat(SpecRules.check(teacher(training(10, 4, LearningRateSchedule.CONSTANT, 0))))
        .containsExactly(
            new SpecFault(
                "teacher.training.accumulationSteps", "must divide batchSize 10, found 4."));
    assertThat(fields(teacher(training(12, 4, LearningRateSchedule.CONSTANT, 0)))).isEmpty();
  }

  @Test
  void shouldRefuseACosineThatRises() {
    assertThat(SpecRules.check(teacher(training(8, 1, LearningRateSchedule.COSINE, 0.5))))
        .containsExactly(
            new SpecFault(
                "teacher.training.finalLearningRate",
                "must be at most learningRate 0.25, found 0.5."));
    assertThat(fields(teacher(training(8, 1, LearningRateSchedule.COSINE, 0.25)))).isEmpty();
    assertThat(fields(teacher(training(8, 1, LearningRateSchedule.CONSTANT, 0.5)))).isEmpty();
  }

  private static TrainingSpec training(
      int batchSize, int parts, LearningRateSchedule schedule, double finalLearningRate) {
    return TrainingSpecBuilder.builder()
        .batchSize(batchSize)
        .learningRate(0.25)
        .learningRateSchedule(schedule)
        .finalLearningRate(finalLearningRate)
        .accumulationSteps(parts)
        .build();
  }

  private static ExperimentSpec teacher(TrainingSpec training) {
    return ExperimentSpecBuilder.builder()
        .name("test")
        .teacher(new TeacherSpec(Optional.empty(), null, training))
        .build();
  }

  private static List<SpecFault> faultsOf(int students, MergeSpec merge, Integer evaluations) {
    return SpecRules.check(
        ExperimentSpecBuilder.builder()
            .name("test")
            .students(StudentsSpecBuilder.builder().count(students).build())
            .merge(merge)
            .search(new ScheduleSearchSpec(evaluations, null))
            .build());
  }

  private static MergeSpec merge(
      MergeSpec.Kind kind, List<Double> weights, Double budget, Double increase) {
    return new MergeSpec(
        kind, weights, Optional.ofNullable(budget), Optional.ofNullable(increase), 4, null);
  }

  @Test
  void shouldAcceptEveryKindOfMergeWithTheFieldsItReads() {
    for (MergeSpec merge :
        List.of(
            MergeSpec.NONE,
            merge(MergeSpec.Kind.AVERAGE, null, null, null),
            merge(MergeSpec.Kind.TASK_ARITHMETIC, List.of(0.1, 0.1, 0.2, 0.5), null, null),
            merge(MergeSpec.Kind.TASK_ARITHMETIC, null, null, null),
            merge(MergeSpec.Kind.GREEDY, null, 0.25, 1.5),
            merge(MergeSpec.Kind.GREEDY, null, 1e6, null))) {
      assertThat(faultsOf(4, merge, 2)).isEmpty();
    }
  }

  private static List<SpecFault> faultsOfRanking(
      String extractor, MergeSpec.Kind kind, int mergeSamples, int evaluations, int searchSamples) {
    return SpecRules.check(
        ExperimentSpecBuilder.builder()
            .name("test")
            .evaluation(
                EvaluationSpecBuilder.builder()
                    .extractor(new EvaluationSpec.ExtractorSpec(extractor, Optional.empty()))
                    .build())
            .merge(
                new MergeSpec(kind, null, Optional.empty(), Optional.empty(), null, mergeSamples))
            .search(new ScheduleSearchSpec(evaluations, searchSamples))
            .build());
  }

  @Test
  void shouldRefuseSamplesThatCannotRankCandidatesWhereTheyRankSome() {
    String builtIn = EvaluationSpec.ExtractorSpec.RANDOM_CONV;
    assertThat(faultsOfRanking(builtIn, MergeSpec.Kind.GREEDY, 192, 2, 96))
        .containsExactly(
            new SpecFault(
                "merge.samples",
                "must be more than the 192 features of random-conv, as fewer images cannot rank candidates, found 192."),
            new SpecFault(
                "search.samples",
                "must be more than the 192 features of random-conv, as fewer images cannot rank candidates, found 96."));
    assertThat(faultsOfRanking("/x.pt", MergeSpec.Kind.TASK_ARITHMETIC, 63, 2, 64))
        .containsExactly(
            new SpecFault(
                "merge.samples",
                "must be at least 64, as fewer images cannot rank candidates, found 63."));
    assertThat(faultsOfRanking(builtIn, MergeSpec.Kind.GREEDY, 193, 2, 193)).isEmpty();
    assertThat(faultsOfRanking(builtIn, MergeSpec.Kind.AVERAGE, 2, 0, 2)).isEmpty();
  }

  @Test
  void shouldRefuseFieldsThatTheKindOfMergeDoesNotRead() {
    assertThat(faultsOf(4, merge(MergeSpec.Kind.AVERAGE, List.of(1.0), 0.5, 1.0), 0))
        .containsExactly(
            new SpecFault(
                "merge.weights", "is for merge.kind task-arithmetic only, found average."),
            new SpecFault("merge.memoryBudget", "is for merge.kind greedy only, found average."),
            new SpecFault(
                "merge.largestIncrease", "is for merge.kind greedy only, found average."));
  }

  @Test
  void shouldRefuseAMergeThatItsStudentsCannotHave() {
    assertThat(faultsOf(1, merge(MergeSpec.Kind.AVERAGE, null, null, null), 0))
        .containsExactly(
            new SpecFault(
                "merge.kind", "average needs at least 2 students, found students.count 1."));
    assertThat(faultsOf(4, merge(MergeSpec.Kind.TASK_ARITHMETIC, List.of(0.5, 0.5), null, null), 0))
        .containsExactly(
            new SpecFault(
                "merge.weights",
                "must have one entry per student or none, which searches them: expected 4, found 2."));
    assertThat(faultsOf(5, merge(MergeSpec.Kind.GREEDY, null, 0.1, null), 0))
        .containsExactly(
            new SpecFault(
                "merge.memoryBudget",
                "must be at least 1/5, the share of the one model that is left when all 5 students are merged, found 0.1."),
            new SpecFault(
                "merge.evaluations",
                "must be at least students.count 5, for the students and each pair of neighbours, found 4."));
  }

  private static List<SpecFault> faultsOf(
      MergeSpec.Kind kind, StudentsSpec.StartFrom startFrom, StudentsSpec.StudentOverride... own) {
    return SpecRules.check(
        ExperimentSpecBuilder.builder()
            .name("test")
            .students(
                StudentsSpecBuilder.builder()
                    .count(4)
                    .overrides(List.of(own))
                    .startFrom(startFrom)
                    .build())
            .merge(merge(kind, null, null, null))
            .build());
  }

  @Test
  void shouldRefuseAMergeOfStudentsWhoseNetworksDiffer() {
    StudentsSpec.StudentOverride wider =
        new StudentsSpec.StudentOverride(
            3, null, Optional.of(NetworkSpec.ofWidth(64)), StudentsSpec.Owner.STUDENT);
    StudentsSpec.StudentOverride teacher =
        new StudentsSpec.StudentOverride(2, null, Optional.empty(), StudentsSpec.Owner.TEACHER);
    assertThat(faultsOf(MergeSpec.Kind.GREEDY, null, wider))
        .containsExactly(
            new SpecFault(
                "merge.kind",
                "greedy needs students of one network, found another for student 3 in students.overrides."));
    assertThat(faultsOf(MergeSpec.Kind.AVERAGE, null, teacher))
        .containsExactly(
            new SpecFault(
                "merge.kind",
                "average needs students of one network, found another for student 2 in students.overrides."));
    assertThat(faultsOf(MergeSpec.Kind.NONE, null, teacher, wider)).isEmpty();
  }

  @Test
  void shouldRefuseToAverageStudentsThatStartFromOtherWeights() {
    StudentsSpec.StartFrom taylor = StudentsSpec.StartFrom.TEACHER_TAYLOR;
    assertThat(faultsOf(MergeSpec.Kind.TASK_ARITHMETIC, taylor))
        .containsExactly(
            new SpecFault(
                "merge.kind",
                "task-arithmetic needs students that start from the same weights, but students.startFrom teacher-taylor keeps other channels for each range: expected random, teacher-magnitude or one-to-one, or merge.kind greedy."));
    assertThat(faultsOf(MergeSpec.Kind.GREEDY, taylor)).isEmpty();
    assertThat(faultsOf(MergeSpec.Kind.AVERAGE, StudentsSpec.StartFrom.ONE_TO_ONE)).isEmpty();
    assertThat(faultsOf(MergeSpec.Kind.AVERAGE, StudentsSpec.StartFrom.TEACHER_MAGNITUDE))
        .isEmpty();
  }

  @Test
  void shouldRefuseASearchOfOneSchedule() {
    assertThat(faultsOf(4, MergeSpec.NONE, 1))
        .containsExactly(
            new SpecFault(
                "search.evaluations",
                "must be 0, for no search, or at least 2, as one schedule has no frontier, found 1."));
  }

  @Test
  void shouldTakeABudgetOfAtMostOneAsAFractionAndAboveAsBytes() {
    assertThat(merge(MergeSpec.Kind.GREEDY, null, 0.25, null).budgetBytes(1000)).isEqualTo(250);
    assertThat(merge(MergeSpec.Kind.GREEDY, null, 600.0, null).budgetBytes(1000)).isEqualTo(600);
    assertThat(merge(MergeSpec.Kind.GREEDY, null, null, null).budgetBytes(1000)).isEqualTo(500);
  }

  @Test
  void shouldCheckTheEvaluationAgainstWhatItReads() {
    assertThat(fields(spec(s -> s.evaluation(evaluation(1001, 31, 4, 8, "gopher://x/y")))))
        .containsExactly(
            "evaluation.sampler.steps", "evaluation.gridRows", "evaluation.extractor.source");
  }

  @ParameterizedTest
  @EnumSource(EvaluationSpec.SamplerSpec.Kind.class)
  void shouldRefuseEtaWhenTheSamplerIsNotDdim(EvaluationSpec.SamplerSpec.Kind kind) {
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampledBy(kind, null))))).isEmpty();
    List<SpecFault> faults = SpecRules.check(spec(s -> s.evaluation(sampledBy(kind, 0.5))));
    if (kind == EvaluationSpec.SamplerSpec.Kind.DDIM) {
      assertThat(faults).isEmpty();
    } else {
      assertThat(faults)
          .containsExactly(
              new SpecFault(
                  "evaluation.sampler.eta",
                  "is for evaluation.sampler.kind ddim alone: expected 0 or no value, found 0.5."));
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = EvaluationSpec.SamplerSpec.Kind.class,
      names = {"PNDM", "PLMS"})
  void shouldWantEqualStepsWhereTheSamplerExtrapolates(EvaluationSpec.SamplerSpec.Kind kind) {
    var quad =
        new EvaluationSpec.SamplerSpec(kind, 20, EvaluationSpec.SamplerSpec.Spacing.QUAD, null);
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampledBy(quad)))))
        .containsExactly(
            new SpecFault(
                "evaluation.sampler.spacing",
                "must be uniform, trailing or linspace for evaluation.sampler.kind %s, whose steps are of equal length, found quad."
                    .formatted(kind.name().toLowerCase(Locale.ROOT))));
    assertThat(new EvaluationSpec.SamplerSpec(kind, 20, null, null).spacing())
        .isEqualTo(EvaluationSpec.SamplerSpec.Spacing.UNIFORM);
  }

  @ParameterizedTest
  @EnumSource(EvaluationSpec.SamplerSpec.Kind.class)
  void shouldNameTheFieldThatItsSamplerLacks(EvaluationSpec.SamplerSpec.Kind kind) {
    var all =
        EvaluationSpecSamplerSpecBuilder.builder()
            .kind(kind)
            .finalSigma(Optional.of(EvaluationSpec.SamplerSpec.FinalSigma.SIGMA_MIN))
            .variance(Optional.of(EvaluationSpec.SamplerSpec.Variance.FIXED_LARGE))
            .initialNoise(Optional.of(EvaluationSpec.SamplerSpec.InitialNoise.SCHEDULED));
    List<String> lacking =
        switch (kind) {
          case DDPM -> List.of("finalSigma", "initialNoise");
          case HEUN -> List.of("finalSigma", "variance");
          case EULER -> List.of("variance");
          case DDIM, DPM_SOLVER_PLUS_PLUS, PNDM, PLMS, UNIPC -> List.of("variance", "initialNoise");
        };
    assertThat(fields(spec(s -> s.evaluation(sampledBy(all.build())))))
        .isEqualTo(lacking.stream().map("evaluation.sampler."::concat).toList());
    if (lacking.contains("variance")) {
      assertThat(SpecRules.check(spec(s -> s.evaluation(sampledBy(all.build())))))
          .contains(
              new SpecFault(
                  "evaluation.sampler.variance",
                  "is for evaluation.sampler.kind ddpm: expected fixed-small or no value, found fixed-large."));
    }
  }

  @Test
  void shouldKeepEachTimestepBelowTheirNumberWhereAnOffsetIsAdded() {
    var offset =
        EvaluationSpecSamplerSpecBuilder.builder()
            .spacing(EvaluationSpec.SamplerSpec.Spacing.UNIFORM)
            .stepsOffset(Optional.of(1));
    assertThat(fields(spec(s -> s.evaluation(sampledBy(offset.steps(999).build()))))).isEmpty();
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampledBy(offset.steps(1000).build())))))
        .containsExactly(
            new SpecFault(
                "evaluation.sampler.stepsOffset",
                "must leave each timestep below diffusion.timesteps 1000: expected 0 or no value, or fewer steps, found 1."));
    offset.steps(50).spacing(EvaluationSpec.SamplerSpec.Spacing.TRAILING);
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampledBy(offset.build())))))
        .containsExactly(
            new SpecFault(
                "evaluation.sampler.stepsOffset",
                "is for evaluation.sampler.spacing uniform or leading: expected 0 or no value, found 1."));
  }

  @Test
  void shouldWantAStepLessThanTimestepsWhereTheLastIsLeftOut() {
    var leading =
        EvaluationSpecSamplerSpecBuilder.builder()
            .kind(EvaluationSpec.SamplerSpec.Kind.UNIPC)
            .spacing(EvaluationSpec.SamplerSpec.Spacing.LEADING);
    assertThat(fields(spec(s -> s.evaluation(sampledBy(leading.steps(999).build()))))).isEmpty();
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampledBy(leading.steps(1000).build())))))
        .containsExactly(
            new SpecFault(
                "evaluation.sampler.steps",
                "must be less than diffusion.timesteps 1000 for evaluation.sampler.spacing leading, found 1000."));
  }

  private static EvaluationSpec sampledBy(EvaluationSpec.SamplerSpec.Kind kind, Double eta) {
    return sampledBy(new EvaluationSpec.SamplerSpec(kind, null, null, eta));
  }

  private static EvaluationSpec sampledBy(EvaluationSpec.SamplerSpec sampler) {
    return EvaluationSpecBuilder.builder().sampler(sampler).build();
  }

  @Test
  void shouldRefuseBalancedClassesWhereTheDatasetHasNone() {
    EvaluationSpec balanced =
        EvaluationSpecBuilder.builder().classes(EvaluationSpec.Classes.BALANCED).build();
    assertThat(SpecRules.check(spec(s -> s.evaluation(balanced))))
        .containsExactly(
            new SpecFault(
                "evaluation.classes",
                "is for a class-conditional dataset: expected dataset or no value, found balanced."));
    assertThat(balanced.inUsualShards().classes()).isEqualTo(EvaluationSpec.Classes.BALANCED);
  }

  @Test
  void shouldRefuseTooFewSamplesForTheFeaturesAndForTheSubsets() {
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampling(192, "random-conv", 192)))))
        .containsExactly(
            new SpecFault(
                "evaluation.samples",
                "must be more than the 192 features of random-conv, found 192."));
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampling(193, "random-conv", 193)))))
        .isEmpty();
    assertThat(SpecRules.check(spec(s -> s.evaluation(sampling(100, "net.pt", 101)))))
        .containsExactly(
            new SpecFault(
                "evaluation.kidSubsetSize", "must be at most evaluation.samples 100, found 101."));
  }

  @Test
  void shouldRefuseMoreShardsThanTheHistoryOfTheWorkflowHolds() {
    assertThat(SpecRules.check(spec(s -> s.evaluation(sharded(64_000, 1_000))))).isEmpty();
    assertThat(SpecRules.check(spec(s -> s.evaluation(sharded(64_001, 1_000)))))
        .containsExactly(
            new SpecFault(
                "evaluation.samplesPerShard",
                "must cut evaluation.samples 64001 into at most 64 shards: expected at least 1001, found 1000."));
  }

  @Test
  void shouldCutSamplesIntoWholeBatchesAndAtMost64Shards() {
    assertThat(sharded(1_000, 300).shards())
        .containsExactly(
            new Shard(0, 300), new Shard(300, 300), new Shard(600, 300), new Shard(900, 100));
    assertThat(sharded(1_000, 299).shards()).hasSize(4); // 300 are three batches of 100
    assertThat(sharded(1_000, 1).shards()).hasSize(10);
    assertThat(usual(5_000).shards()).containsExactly(new Shard(0, 5_000));
    assertThat(usual(50_000).shards()).hasSize(10);
    assertThat(usual(1_000_000).shards()).hasSizeBetween(60, 64);
  }

  private static EvaluationSpec usual(int samples) {
    return EvaluationSpecBuilder.builder().samples(samples).batchSize(100).build();
  }

  private static EvaluationSpec sharded(int samples, int perShard) {
    return EvaluationSpecBuilder.builder()
        .samples(samples)
        .batchSize(100)
        .samplesPerShard(Optional.of(perShard))
        .build();
  }

  @Test
  void shouldRefuseSubsetsOfStatisticsAndAReferenceThatIsNoLocation() {
    assertThat(SpecRules.check(spec(s -> s.evaluation(reference("stats.npz", Optional.empty())))))
        .isEmpty();
    assertThat(fields(spec(s -> s.evaluation(reference("stats.npz", Optional.of(10))))))
        .containsExactly("evaluation.kidSubsetSize");
    assertThat(fields(spec(s -> s.evaluation(reference("gopher://x/y", Optional.empty())))))
        .containsExactly("evaluation.reference");
  }

  @Test
  void shouldRefuseAClipModelThatIsNoLocation() {
    assertThat(SpecRules.check(spec(s -> s.evaluation(clip("s3://models/clip/"))))).isEmpty();
    assertThat(fields(spec(s -> s.evaluation(clip("gopher://x/y")))))
        .containsExactly("evaluation.clip.source");
    SourcePolicy closed =
        new SourcePolicy(
            Optional.of(List.of("example.org")), false, List.of(), Optional.empty(), "atelier");
    assertThat(closed.faults(spec(s -> s.evaluation(clip("/models/clip")))))
        .extracting(SpecFault::field)
        .contains("evaluation.clip.source");
    assertThat(SourcePolicy.OPEN.faults(spec(s -> s.evaluation(clip("/models/clip"))))).isEmpty();
  }

  private static EvaluationSpec clip(String source) {
    return EvaluationSpecBuilder.builder()
        .clip(Optional.of(new EvaluationSpec.ClipSpec(source)))
        .build();
  }

  private static EvaluationSpec reference(String source, Optional<Integer> subsetSize) {
    return EvaluationSpecBuilder.builder()
        .reference(Optional.of(source))
        .kidSubsetSize(subsetSize)
        .build();
  }

  private static EvaluationSpec sampling(int samples, String extractor, int subsetSize) {
    return EvaluationSpecBuilder.builder()
        .samples(samples)
        .extractor(new EvaluationSpec.ExtractorSpec(extractor, Optional.empty()))
        .kidSubsetSize(Optional.of(subsetSize))
        .build();
  }

  @Test
  void shouldSkipTheRulesThatReadAFieldKnownToBeWrong() {
    var assignment = new AssignmentSpec(AssignmentSpec.Kind.EXPLICIT, null, List.of(0, 1000));
    ExperimentSpec spec = spec(s -> s.name(" ").assignment(assignment));
    assertThat(SpecRules.check(spec)).hasSize(2);
    for (String wrong :
        List.of("students.count", "students", "students.assignment.boundaries[1]", "diffusion")) {
      assertThat(SpecRules.check(spec, List.of(wrong)))
          .extracting(SpecFault::field)
          .containsExactly("name");
    }
    assertThat(SpecRules.check(spec, List.of("students.countless"))).hasSize(2);
  }

  private static List<String> fields(ExperimentSpec spec) {
    return SpecRules.check(spec).stream().map(SpecFault::field).toList();
  }

  private static DatasetSpec shapesOf(int resolution) {
    return new DatasetSpec("shapes", null, resolution, null);
  }

  private static NetworkSpec quiet() {
    return network(32, List.of(1), List.of(), 1, Optional.empty());
  }

  private static NetworkSpec network(
      int channels,
      List<Integer> multipliers,
      List<Integer> attention,
      int heads,
      Optional<Integer> groups) {
    return new NetworkSpec(channels, multipliers, 1, attention, heads, null, groups);
  }

  private static EvaluationSpec evaluation(
      int steps, int samples, int rows, int columns, String extractor) {
    return EvaluationSpecBuilder.builder()
        .samples(samples)
        .sampler(new EvaluationSpec.SamplerSpec(null, steps, null, null))
        .extractor(new EvaluationSpec.ExtractorSpec(extractor, Optional.empty()))
        .gridRows(rows)
        .gridColumns(columns)
        .build();
  }

  private static ExperimentSpec spec(UnaryOperator<SpecRulesTestDraftBuilder> change) {
    SpecRulesTestDraftBuilder usual =
        SpecRulesTestDraftBuilder.builder()
            .name("test")
            .labels(Map.of())
            .count(4)
            .overrides(List.of());
    return change.apply(usual).build().toSpec();
  }

  /** The parts of a spec that the tests change, one at a time. */
  @RecordBuilder
  record Draft(
      String name,
      Map<String, String> labels,
      DatasetSpec dataset,
      DiffusionSpec diffusion,
      NetworkSpec teacher,
      int count,
      NetworkSpec students,
      AssignmentSpec assignment,
      LossSpec loss,
      List<Integer> overrides,
      EvaluationSpec evaluation) {

    ExperimentSpec toSpec() {
      return ExperimentSpecBuilder.builder()
          .name(name)
          .labels(labels)
          .dataset(dataset)
          .diffusion(diffusion)
          .teacher(new TeacherSpec(Optional.empty(), teacher, null))
          .students(
              StudentsSpecBuilder.builder()
                  .count(count)
                  .network(students)
                  .assignment(assignment)
                  .loss(loss)
                  .overrides(
                      overrides.stream()
                          .map(k -> new StudentsSpec.StudentOverride(k, null))
                          .toList())
                  .build())
          .evaluation(evaluation)
          .build();
    }
  }
}

package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConditionRulesTest {

  private static final NetworkSpec OF_TEXTS = ofTexts(TeacherSpec.RANDOM_CLIP_WIDTH);

  private static NetworkSpec ofTexts(int width) {
    return NetworkSpecBuilder.builder()
        .channels(32)
        .multipliers(List.of(1))
        .blocks(
            Optional.of(
                new BlocksSpec(
                    List.of(Block.CROSS_ATTENTION),
                    Middle.CROSS_ATTENTION,
                    List.of(Block.CROSS_ATTENTION))))
        .crossAttention(
            Optional.of(
                new CrossAttentionSpec(
                    width, TeacherSpec.RANDOM_CLIP_TOKENS, Optional.empty(), false)))
        .build();
  }

  private static ExperimentSpec texts() {
    return ExperimentSpecBuilder.builder()
        .name("texts")
        .dataset(captioned(true))
        .teacher(teacher(OF_TEXTS, Optional.of(TeacherSpec.RANDOM_CLIP)))
        .students(StudentsSpecBuilder.builder().network(OF_TEXTS).build())
        .build();
  }

  private static DatasetSpec captioned(boolean captions) {
    return DatasetSpecBuilder.builder()
        .captions(
            captions
                ? Optional.of(new DatasetSpec.CaptionsSpec(Optional.empty(), Optional.empty()))
                : Optional.empty())
        .build();
  }

  private static TeacherSpec teacher(NetworkSpec network, Optional<String> partsFrom) {
    return TeacherSpecBuilder.builder().network(network).partsFrom(partsFrom).build();
  }

  private static ExperimentSpec with(UnaryOperator<ExperimentSpecBuilder> change) {
    return change.apply(ExperimentSpecBuilder.builder(texts())).build();
  }

  private static void assertFault(ExperimentSpec spec, String field, String message) {
    assertThat(SpecRules.check(spec)).contains(new SpecFault(field, message));
  }

  @Test
  void shouldFindNoFaultInATeacherOfTextsThatIsTrainedHere() {
    assertThat(SpecRules.check(texts())).isEmpty();
  }

  @Test
  void shouldAskForCaptionsWhereNetworksReadTexts() {
    assertFault(
        with(spec -> spec.dataset(captioned(false))),
        "dataset.captions",
        "is needed, as students.network reads texts: expected {}.");
  }

  @Test
  void shouldRefuseCaptionsThatNoNetworkReads() {
    NetworkSpec plain = NetworkSpec.ofWidth(32);
    assertFault(
        with(
            spec ->
                spec.teacher(teacher(plain, Optional.empty()))
                    .students(StudentsSpecBuilder.builder().network(plain).build())),
        "students.network.crossAttention",
        "is needed, as dataset.captions has networks read texts: expected cross-attention of the"
            + " teacher's width and tokens.");
  }

  @Test
  void shouldAskWhereATextEncoderComesFrom() {
    assertFault(
        with(spec -> spec.teacher(teacher(OF_TEXTS, Optional.empty()))),
        "teacher.partsFrom",
        "is needed, as teacher.network reads texts: expected the source of a pipeline or"
            + " random-clip.");
  }

  @Test
  void shouldRefuseAnotherWidthThanThatOfTheBuiltInTextEncoder() {
    assertFault(
        with(
            spec ->
                spec.teacher(teacher(ofTexts(768), Optional.of(TeacherSpec.RANDOM_CLIP)))
                    .students(StudentsSpecBuilder.builder().network(ofTexts(768)).build())),
        "teacher.network.crossAttention",
        "must have the 16 tokens of width 64 of random-clip, found 16 of width 768.");
  }

  @Test
  void shouldRefuseStudentsThatReadOtherTextsThanTheTeacher() {
    assertFault(
        with(spec -> spec.students(StudentsSpecBuilder.builder().network(ofTexts(32)).build())),
        "students.network.crossAttention",
        "must read what the teacher does, 16 tokens of width 64, found 16 tokens of width 32.");
  }

  @Test
  void shouldRefuseStudentsOfPixelsForATeacherOfLatents() {
    NetworkSpec latents =
        NetworkSpecBuilder.builder(NetworkSpec.ofWidth(32))
            .latents(Optional.of(new LatentsSpec(4, 8)))
            .multipliers(List.of(1))
            .attentionResolutions(List.of())
            .build();
    ExperimentSpec spec =
        ExperimentSpecBuilder.builder()
            .name("latents")
            .teacher(teacher(latents, Optional.of("/models/sd")))
            .students(StudentsSpecBuilder.builder().network(NetworkSpec.ofWidth(32)).build())
            .build();
    assertFault(
        spec,
        "students.network.latents",
        "must be those of the teacher, 4 channels at 1/8, found pixels.");
    assertFault(
        ExperimentSpecBuilder.builder(spec)
            .students(StudentsSpecBuilder.builder().network(latents).build())
            .build(),
        "evaluation.sampler.clip",
        "must be false, as students.network works on latents, which have no bounds.");
  }

  @Test
  void shouldRefuseGuidanceOfNetworksThatAreToldNothing() {
    ExperimentSpec plain =
        ExperimentSpecBuilder.builder()
            .name("plain")
            .evaluation(EvaluationSpecBuilder.builder().guidance(Optional.of(3.0)).build())
            .build();
    assertFault(
        plain,
        "evaluation.guidance",
        "is for networks of classes or texts: the teacher's network has neither.");
    assertFault(
        ExperimentSpecBuilder.builder(plain)
            .dataset(DatasetSpecBuilder.builder().classConditional(true).build())
            .build(),
        "evaluation.guidance",
        "needs a class that stands for none, which transformers have: the teacher's network is a"
            + " U-Net of classes.");
    assertFault(
        ExperimentSpecBuilder.builder()
            .name("plain")
            .students(
                StudentsSpecBuilder.builder()
                    .loss(new LossSpec(null, null, null, Optional.of(2.0)))
                    .build())
            .build(),
        "students.loss.guidance",
        "is for networks of classes or texts: the teacher's network has neither.");
  }

  /** Its network is known once it is imported, and then asked for all the same. */
  @Test
  void shouldRefuseGuidanceOfAnImportedTeacherThatIsToldNothing() {
    ExperimentSpec classes =
        ExperimentSpecBuilder.builder()
            .name("imported")
            .dataset(DatasetSpecBuilder.builder().classConditional(true).build())
            .teacher(imported("/models/net"))
            .students(StudentsSpecBuilder.builder().network(transformer()).build())
            .evaluation(EvaluationSpecBuilder.builder().guidance(Optional.of(3.0)).build())
            .build();
    assertThat(SpecRules.check(classes)).isEmpty();
    assertThat(ConditionRules.of(classes, transformer())).isEmpty();
    assertThat(ConditionRules.of(classes, NetworkSpec.ofWidth(32)))
        .containsExactly(
            new SpecFault(
                "evaluation.guidance",
                "needs a class that stands for none, which transformers have: the teacher's network"
                    + " is a U-Net of classes."));
  }

  private static TeacherSpec imported(String source) {
    return TeacherSpecBuilder.builder().source(Optional.of(source)).build();
  }

  private static NetworkSpec transformer() {
    return NetworkSpec.of(new TransformerSpec(4, 2, 2, 16, null, null));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/models/net.pt", "http://models/net.pt", "s3://models/a/net.pt"})
  void shouldRefuseWhatATorchScriptTeacherCannotBeAskedFor(String source) {
    ExperimentSpec plain =
        ExperimentSpecBuilder.builder()
            .name("archive")
            .dataset(DatasetSpecBuilder.builder().classConditional(true).build())
            .teacher(imported(source))
            .students(StudentsSpecBuilder.builder().network(transformer()).build())
            .build();
    assertThat(SpecRules.check(plain)).isEmpty();
    ExperimentSpec wanting =
        ExperimentSpecBuilder.builder(plain)
            .students(
                StudentsSpecBuilder.builder(plain.students())
                    .loss(new LossSpec(null, null, null, Optional.of(2.0)))
                    .build())
            .evaluation(EvaluationSpecBuilder.builder().guidance(Optional.of(3.0)).build())
            .build();
    List<SpecFault> faults =
        Stream.of("students.loss.guidance", "evaluation.guidance")
            .map(
                field ->
                    new SpecFault(
                        field,
                        "needs a teacher that can be asked without a class, but teacher.source is a"
                            + " TorchScript file, whose network is not known: expected 1, or the"
                            + " teacher as a folder of diffusers or a safetensors file."))
            .toList();
    assertThat(SpecRules.check(wanting)).isEqualTo(faults);
    assertThat(ArchiveRules.of(wanting)).isEqualTo(faults); // also of another name
    ExperimentSpec unnamed =
        ExperimentSpecBuilder.builder(wanting).teacher(imported("/models/net")).build();
    assertThat(SpecRules.check(unnamed)).isEmpty();
  }

  @Test
  void shouldRefuseWhatNeedsTheNetworkOfATorchScriptTeacher() {
    StudentsSpec wanting =
        StudentsSpecBuilder.builder()
            .startFrom(StudentsSpec.StartFrom.TEACHER_TAYLOR)
            .loss(
                new LossSpec(
                    null, null, new FeatureLossSpec(FeatureLossSpec.Kind.HINT, null, null)))
            .assignment(new AssignmentSpec(AssignmentSpec.Kind.MEASURED, null, null))
            .build();
    ExperimentSpec spec =
        ExperimentSpecBuilder.builder()
            .name("archive")
            .dataset(captioned(true))
            .teacher(imported("/models/net.pt"))
            .students(wanting)
            .build();
    assertThat(ArchiveRules.of(spec))
        .extracting(SpecFault::field)
        .containsExactly(
            "dataset.captions",
            "students.loss.feature",
            "students.startFrom",
            "students.assignment.signal");
    assertThat(ArchiveRules.of(spec).get(2).message())
        .isEqualTo(
            "takes weights of the teacher's network, but teacher.source is a TorchScript file,"
                + " whose network is not known: expected random or one-to-one.");
  }

  @Test
  void shouldRefusePromptsWithoutCaptions() {
    assertFault(
        ExperimentSpecBuilder.builder()
            .name("plain")
            .evaluation(
                EvaluationSpecBuilder.builder().prompts(Optional.of("/data/prompts.txt")).build())
            .build(),
        "evaluation.prompts",
        "is for networks that read texts: expected dataset.captions.");
  }

  @Test
  void shouldRefusePartsOfAnotherPipelineForAnImportedTeacher() {
    assertFault(
        with(
            spec ->
                spec.teacher(
                    TeacherSpecBuilder.builder()
                        .source(Optional.of("/models/sd"))
                        .partsFrom(Optional.of(TeacherSpec.RANDOM_CLIP))
                        .build())),
        "teacher.partsFrom",
        "is for a teacher that is trained here: the parts of an imported one come with it.");
  }

  @Test
  void shouldWarnOfGuidedPredictionsOfWhichDdimCutsX0Alone() {
    assertThat(texts().guidedCutWarning()).isEmpty();
    assertThat(with(spec -> spec.evaluation(guided(Kind.DDIM, true))).guidedCutWarning())
        .hasValueSatisfying(sentence -> assertThat(sentence).contains("clip: false"));
    assertThat(with(spec -> spec.evaluation(guided(Kind.DDIM, false))).guidedCutWarning())
        .isEmpty();
    assertThat(
            with(spec -> spec.evaluation(guided(Kind.DPM_SOLVER_PLUS_PLUS, true)))
                .guidedCutWarning())
        .isEmpty();
  }

  private static EvaluationSpec guided(Kind kind, boolean clip) {
    return EvaluationSpecBuilder.builder()
        .guidance(Optional.of(3.0))
        .sampler(EvaluationSpecSamplerSpecBuilder.builder().kind(kind).clip(clip).build())
        .build();
  }
}

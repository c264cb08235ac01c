package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.StudentsSpec.StudentOverride;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DiffusersFitTest {

  private static final NetworkSpec BY_WIDTH =
      small().multipliers(List.of(1, 2)).groupsByWidth(Optional.of(true)).build();
  private static final NetworkSpec FIRST =
      small().multipliers(List.of(2, 2)).groups(Optional.of(8)).build();
  private static final NetworkSpec HEADS =
      small()
          .multipliers(List.of(1, 2))
          .attentionResolutions(List.of(32))
          .attentionHeads(2)
          .groups(Optional.of(4))
          .build();

  private static NetworkSpecBuilder small() {
    return NetworkSpecBuilder.builder().channels(16).resBlocks(1).attentionResolutions(List.of());
  }

  @Test
  void shouldSayOfEachNetworkWhyThereIsNoFolderAndWhatToSayInstead() {
    ExperimentSpec spec =
        experiment(
            new TeacherSpec(Optional.empty(), BY_WIDTH, null),
            FIRST,
            new StudentOverride(2, null, Optional.of(HEADS), null));
    assertThat(SpecRules.check(spec)).isEmpty();
    assertThat(DiffusersFit.warnings(spec))
        .containsExactly(
            "teacher.network.groupsByWidth: its group norms have 4, 8, 12 and 16 groups, and in diffusers all have as many, so that exports have no folder of diffusers for it. Expected groups: 4 in its place.",
            "students.network.multipliers: the first level has 2 times the channels of what it reads, and in diffusers as many, so that exports have no folder of diffusers for it. Expected levelWidths: [32, 32] in place of channels and multipliers.",
            "students.overrides[0].network.attentionHeads: its heads have 8 and 16 channels, and in diffusers all have as many, so that exports have no folder of diffusers for it. Expected attentionHeadWidth: 8 in its place.");
  }

  @Test
  void shouldSayNothingOnceThatIsSaid() {
    NetworkSpec groups = small().multipliers(List.of(1, 2)).groups(Optional.of(4)).build();
    NetworkSpec first =
        NetworkSpecBuilder.builder()
            .levelWidths(Optional.of(List.of(32, 32)))
            .resBlocks(1)
            .attentionResolutions(List.of())
            .groups(Optional.of(8))
            .build();
    NetworkSpec heads =
        NetworkSpecBuilder.builder(HEADS)
            .attentionHeads(1)
            .attentionHeadWidth(Optional.of(8))
            .build();
    ExperimentSpec spec =
        experiment(
            new TeacherSpec(Optional.empty(), groups, null),
            first,
            new StudentOverride(2, null, Optional.of(heads), null));
    assertThat(SpecRules.check(spec)).isEmpty();
    assertThat(DiffusersFit.warnings(spec)).isEmpty();
  }

  @Test
  void shouldKnowNothingOfATeacherThatIsImported() {
    TeacherSpec imported =
        new TeacherSpec(Optional.of("/models/teacher"), TeacherSpec.DEFAULT_NETWORK, null);
    assertThat(DiffusersFit.warnings(experiment(imported, HEADS)))
        .singleElement()
        .asString()
        .startsWith("students.network.attentionHeads: ");
  }

  @Test
  void shouldWantClassesForATransformer() {
    NetworkSpec transformer = NetworkSpec.of(new TransformerSpec(2, 2, 2, 8, null, null));
    ExperimentSpec spec =
        experiment(new TeacherSpec(Optional.empty(), transformer, null), transformer);
    assertThat(DiffusersFit.warnings(spec))
        .containsExactly(
            "teacher.network.transformer: a DiT of diffusers is told a class, so that exports have no folder of diffusers for it. Expected dataset.classConditional: true.",
            "students.network.transformer: a DiT of diffusers is told a class, so that exports have no folder of diffusers for it. Expected dataset.classConditional: true.");
    ExperimentSpec conditional =
        ExperimentSpecBuilder.builder(spec)
            .dataset(new DatasetSpec("shapes", null, 32, null, 3, true))
            .build();
    assertThat(DiffusersFit.warnings(conditional)).isEmpty();
  }

  /** Groups are by width where former specs leave them out. */
  @Test
  void shouldJudgeSpecsOfEarlierVersionsByWhatTheyHave() {
    NetworkSpec former = small().multipliers(List.of(1, 2)).build();
    assertThat(DiffusersFit.warnings(experiment(TeacherSpecBuilder.builder().build(), former)))
        .singleElement()
        .asString()
        .startsWith("students.network.groups: its group norms have 4, 8, 12 and 16 groups");
  }

  private static ExperimentSpec experiment(
      TeacherSpec teacher, NetworkSpec students, StudentOverride... overrides) {
    return ExperimentSpecBuilder.builder()
        .teacher(teacher)
        .students(
            StudentsSpecBuilder.builder().network(students).overrides(List.of(overrides)).build())
        .build();
  }
}

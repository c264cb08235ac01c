package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.atelier.graph.Graph;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.StudentsSpec.StudentOverride;
import io.temporal.api.common.v1.Payload;
import io.temporal.common.converter.DefaultDataConverter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NormGroupsTest {

  /** The widths' common divisors that leave 4 channels, by hand. */
  @ParameterizedTest
  @CsvSource({
    "128 256 256 256, 32", // the paper's teacher, as google/ddpm-cifar10-32
    "96 192 192 192, 24", // its students
    "320 640 1280 1280, 32", // Stable Diffusion
    "32 64 64, 8",
    "24 48 48, 6",
    "16 32, 4",
    "74 148, 2",
    "320 500 800, 20",
    "30 45, 5",
    "6 12, 1",
    "4 8 16, 1",
    "26 30, 2"
  })
  void shouldStateOneNumberForAllWidthsWhereNoneIsSaid(String widths, int groups) {
    NetworkSpec network = ofWidths(widths);
    ExperimentSpec spec = NormGroups.stated(experiment(network, network, StartFrom.RANDOM));
    assertThat(spec.teacher().network().groups()).contains(groups);
    assertThat(spec.students().network().groups()).contains(groups);
    assertThat(DiffusersFit.warnings(spec)).isEmpty();
    assertThat(NormGroups.stated(spec)).isEqualTo(spec);
  }

  @Test
  void shouldStateTheGroupsOfDefaultNetworksAndOfSingleStudents() {
    ExperimentSpec defaults = NormGroups.stated(ExperimentSpecBuilder.builder().build());
    assertThat(defaults.teacher().network().groups()).contains(32);
    assertThat(defaults.students().network().groups()).contains(24);

    StudentOverride narrow = new StudentOverride(1, null, Optional.of(ofWidths("16 32")), null);
    StudentOverride plain = new StudentOverride(2, TrainingOverrides.NONE);
    ExperimentSpec spec =
        NormGroups.stated(
            ExperimentSpecBuilder.builder()
                .students(StudentsSpecBuilder.builder().overrides(List.of(narrow, plain)).build())
                .build());
    assertThat(spec.students().networkOf(1).groups()).contains(4);
    assertThat(spec.students().overrides().get(1)).isEqualTo(plain);
  }

  /** Where the former rule had one number at every width, the network stays what it was. */
  @Test
  void shouldLeaveThePapersTeacherAsItWas() {
    NetworkSpec teacher = NetworkSpec.ofWidth(128);
    ExperimentSpec spec = NormGroups.stated(experiment(teacher, teacher, StartFrom.RANDOM));
    assertThat(graph(spec.teacher().network())).isEqualTo(graph(teacher));
  }

  @Test
  void shouldLeaveWhatIsSaid() {
    NetworkSpec said = NetworkSpecBuilder.builder(ofWidths("16 32")).groups(Optional.of(2)).build();
    NetworkSpec byWidth =
        NetworkSpecBuilder.builder(ofWidths("16 32")).groupsByWidth(Optional.of(true)).build();
    NetworkSpec transformer =
        NetworkSpec.of(new TransformerSpec(null, null, null, null, null, null));
    for (NetworkSpec network : List.of(said, byWidth, transformer)) {
      ExperimentSpec spec = experiment(network, network, StartFrom.RANDOM);
      assertThat(NormGroups.stated(spec)).isEqualTo(spec);
    }
  }

  /** It brings its network, and names none. */
  @Test
  void shouldSayNothingOfAnImportedTeacherThatIsNotNamed() {
    ExperimentSpec spec = NormGroups.stated(imported(TeacherSpec.DEFAULT_NETWORK));
    assertThat(spec.teacher().network()).isEqualTo(TeacherSpec.DEFAULT_NETWORK);
    assertThat(NormGroups.stated(imported(ofWidths("16 32"))).teacher().network().groups())
        .contains(4);
  }

  @Test
  void shouldStateTheTeachersGroupsOfStudentsThatStartFromItsBlocks() {
    NetworkSpec teacher = ofWidths("64 64 72"); // alone the student's would be 16
    NetworkSpec student = ofWidths("64 64");
    ExperimentSpec spec = NormGroups.stated(experiment(teacher, student, StartFrom.TEACHER_BLOCKS));
    assertThat(spec.teacher().network().groups()).contains(8);
    assertThat(spec.students().network().groups()).contains(8);
    assertThat(
            NormGroups.stated(experiment(teacher, student, StartFrom.RANDOM))
                .students()
                .network()
                .groups())
        .contains(16);

    NetworkSpec byWidth =
        NetworkSpecBuilder.builder(teacher).groupsByWidth(Optional.of(true)).build();
    NetworkSpec stated =
        NormGroups.stated(experiment(byWidth, student, StartFrom.TEACHER_BLOCKS))
            .students()
            .network();
    assertThat(stated.groups()).isEmpty();
    assertThat(stated.groupsByWidth()).contains(true);
  }

  /** Rows and histories that leave groups out; the numbers are those of the former rule. */
  @Test
  void shouldReadPayloadsOfEarlierVersionsAsTheyWereMeant() {
    ExperimentSpec read =
        payload(
            """
            {"teacher": {"network": {"channels": 24, "multipliers": [1, 2], "groups": null}},
             "students": {"network": {"channels": 16, "multipliers": [1, 2]}}}
            """);
    NetworkSpec teacher = read.teacher().network();
    NetworkSpec student = read.students().network();
    assertThat(List.of(24, 48, 72, 96).stream().map(teacher::groupsFor))
        .containsExactly(6, 12, 18, 24);
    assertThat(List.of(16, 32, 48, 64).stream().map(student::groupsFor))
        .containsExactly(4, 8, 12, 16);
    assertThat(student.groups()).isEmpty();

    ExperimentSpec written = NormGroups.asWritten(read);
    assertThat(written.students().network().groupsByWidth()).contains(true);
    assertThat(NormGroups.stated(written)).isEqualTo(written);
    assertThat(graph(written.teacher().network())).isEqualTo(graph(teacher));
    assertThat(graph(written.students().network())).isEqualTo(graph(student));
    assertThat(graph(NormGroups.stated(read).students().network()))
        .as("negative control: launched as it is today")
        .isNotEqualTo(graph(student));
    assertThat(NormGroups.asWritten(imported(TeacherSpec.DEFAULT_NETWORK)).teacher())
        .isEqualTo(imported(TeacherSpec.DEFAULT_NETWORK).teacher());
  }

  @Test
  void shouldStateTheGroupsOfAReplacementUnlessItNamesTheNetworkThatIsThere() {
    NetworkSpec present = ofWidths("16 32");
    ExperimentSpec former = experiment(present, present, StartFrom.RANDOM);
    assertThat(replaced(present, former).groups()).isEmpty();
    assertThat(replaced(ofWidths("12 24"), former).groups()).contains(3);
    NetworkSpec said = NetworkSpecBuilder.builder(present).groups(Optional.of(8)).build();
    assertThat(replaced(present, experiment(present, said, StartFrom.RANDOM))).isEqualTo(said);
    assertThat(replaced(ofWidths("16"), experiment(present, present, StartFrom.TEACHER_BLOCKS)))
        .satisfies(network -> assertThat(network.groupsByWidth()).contains(true));
    StudentReplacement nothing = replacement(Optional.empty(), Optional.of(0.5));
    assertThat(NormGroups.stated(nothing, former, present)).isEqualTo(nothing);
  }

  private static NetworkSpec replaced(NetworkSpec network, ExperimentSpec spec) {
    StudentReplacement replacement = replacement(Optional.of(network), Optional.empty());
    return NormGroups.stated(replacement, spec, spec.students().network()).network().orElseThrow();
  }

  private static StudentReplacement replacement(
      Optional<NetworkSpec> network, Optional<Double> specificProbability) {
    return new StudentReplacement(
        network,
        TrainingOverrides.NONE,
        specificProbability,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static ExperimentSpec imported(NetworkSpec named) {
    return ExperimentSpecBuilder.builder()
        .teacher(new TeacherSpec(Optional.of("/models/teacher"), named, null))
        .build();
  }

  private static ExperimentSpec experiment(
      NetworkSpec teacher, NetworkSpec student, StartFrom start) {
    return ExperimentSpecBuilder.builder()
        .teacher(new TeacherSpec(Optional.empty(), teacher, null))
        .students(StudentsSpecBuilder.builder().network(student).startFrom(start).build())
        .build();
  }

  private static NetworkSpec ofWidths(String widths) {
    return NetworkSpecBuilder.builder()
        .levelWidths(
            Optional.of(List.of(widths.split(" ", -1)).stream().map(Integer::valueOf).toList()))
        .build();
  }

  private static Graph graph(NetworkSpec network) {
    return Architectures.of(network).graph(32, 3, 0);
  }

  private static ExperimentSpec payload(String json) {
    Payload payload =
        Payload.newBuilder()
            .putAllMetadata(Map.of("encoding", ByteString.copyFromUtf8("json/plain")))
            .setData(ByteString.copyFromUtf8(json))
            .build();
    return DefaultDataConverter.STANDARD_INSTANCE.fromPayload(
        payload, ExperimentSpec.class, ExperimentSpec.class);
  }
}

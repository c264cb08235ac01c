package dev.atelier.spec;

import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.StudentsSpec.StudentOverride;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * What a spec says of the groups of its group norms. Who launches may leave them out, and gets one
 * number for each network, as diffusers has it. Rows, histories and files of before 2026-12 leave
 * them out, too, and mean groups of each width's own: these are read as they are.
 */
public final class NormGroups {

  private NormGroups() {}

  /** The spec as it is launched: each of its U-Nets says its groups. */
  public static ExperimentSpec stated(ExperimentSpec written) {
    TeacherSpec teacher = teacher(written);
    ExperimentSpec spec = ExperimentSpecBuilder.builder(written).teacher(teacher).build();
    StartFrom start = spec.students().startFrom();
    return spec.with(mapped(spec.students(), network -> ofStudent(network, start, spec)));
  }

  /**
   * What a student of {@code spec} shall become, with the groups of its network.
   *
   * @param present the network that it has; named again without groups, it stays
   */
  public static StudentReplacement stated(
      StudentReplacement written, ExperimentSpec spec, NetworkSpec present) {
    StartFrom start = written.startFrom().orElse(spec.students().startFrom());
    return new StudentReplacement(
        written
            .network()
            .map(
                network ->
                    isSilent(network) && withGroupsOf(present, network).equals(present)
                        ? present
                        : ofStudent(network, start, spec)),
        written.training(),
        written.specificProbability(),
        written.loss(),
        written.antithetic(),
        written.startFrom());
  }

  /** The spec of an experiment of any version, as one would write it to launch the same again. */
  public static ExperimentSpec asWritten(ExperimentSpec stored) {
    TeacherSpec teacher = stored.teacher();
    return ExperimentSpecBuilder.builder(stored)
        .teacher(
            saysItsNetwork(teacher)
                ? TeacherSpecBuilder.builder(teacher).network(byWidth(teacher.network())).build()
                : teacher)
        .students(mapped(stored.students(), NormGroups::byWidth))
        .build();
  }

  private static TeacherSpec teacher(ExperimentSpec spec) {
    TeacherSpec teacher = spec.teacher();
    return saysItsNetwork(teacher)
        ? TeacherSpecBuilder.builder(teacher).network(common(teacher.network())).build()
        : teacher;
  }

  /** An imported teacher brings its network; the default one then says nothing. */
  static boolean saysItsNetwork(TeacherSpec teacher) {
    return teacher.source().isEmpty() || !teacher.network().equals(TeacherSpec.DEFAULT_NETWORK);
  }

  private static StudentsSpec mapped(StudentsSpec students, UnaryOperator<NetworkSpec> network) {
    return StudentsSpecBuilder.builder(students)
        .network(network.apply(students.network()))
        .overrides(
            students.overrides().stream()
                .map(
                    o ->
                        new StudentOverride(
                            o.student(), o.training(), o.network().map(network), o.model()))
                .toList())
        .build();
  }

  /** One that starts from the teacher's blocks has its groups. */
  private static NetworkSpec ofStudent(NetworkSpec student, StartFrom start, ExperimentSpec spec) {
    if (isSilent(student)
        && start == StartFrom.TEACHER_BLOCKS
        && saysItsNetwork(spec.teacher())
        && spec.teacher().network().transformer().isEmpty()) {
      NetworkSpec teacher = byWidth(spec.teacher().network());
      int shared = teacher.groups().orElse(1);
      if (student.widths().stream().allMatch(width -> width % shared == 0)) {
        return withGroupsOf(teacher, student);
      }
    }
    return common(student);
  }

  private static NetworkSpec withGroupsOf(NetworkSpec other, NetworkSpec network) {
    return NetworkSpecBuilder.builder(network)
        .groups(other.groups())
        .groupsByWidth(other.groupsByWidth())
        .build();
  }

  private static NetworkSpec common(NetworkSpec network) {
    return isSilent(network)
        ? NetworkSpecBuilder.builder(network).groups(Optional.of(network.commonGroups())).build()
        : network;
  }

  private static NetworkSpec byWidth(NetworkSpec network) {
    return isSilent(network)
        ? NetworkSpecBuilder.builder(network).groupsByWidth(Optional.of(true)).build()
        : network;
  }

  private static boolean isSilent(NetworkSpec network) {
    return network.transformer().isEmpty()
        && network.groups().isEmpty()
        && network.groupsByWidth().isEmpty();
  }
}

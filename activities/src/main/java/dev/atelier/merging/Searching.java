package dev.atelier.merging;

import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.SearchSchedule;
import dev.atelier.workflows.ModelRef;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** {@link SearchSchedule} with the students themselves, in order of their ranges. */
record Searching(
    String experimentId,
    long seed,
    ScheduleSearchSpec search,
    Measure measure,
    ModelRef teacher,
    List<ModelRef> students,
    List<ModelRef> oneToOne) {

  static Searching of(SearchSchedule task, List<ModelRef> students) {
    return new Searching(
        task.experimentId(),
        task.seed(),
        task.search(),
        task.measure(),
        task.teacher(),
        students,
        task.oneToOne());
  }

  /** Every model that may own a range. */
  List<ModelRef> models() {
    return Stream.of(List.of(teacher), students, oneToOne).flatMap(List::stream).toList();
  }

  List<TimestepRange> ranges() {
    return students.stream().map(ModelRef::range).toList();
  }

  /**
   * Who may own the range of each student: that student, its neighbours (for which p left some
   * knowledge of other timesteps), the teacher and the one-to-one student.
   */
  List<List<String>> options() {
    List<List<String>> options = new ArrayList<>();
    for (int i = 0; i < students.size(); i++) {
      options.add(
          Stream.of(
                  students.subList(Math.max(0, i - 1), Math.min(students.size(), i + 2)),
                  List.of(teacher),
                  oneToOne)
              .flatMap(List::stream)
              .map(m -> m.key().value())
              .distinct()
              .toList());
    }
    return options;
  }

  /** The schedule with neighbouring ranges of one owner as one. */
  static List<Owner> joined(List<TimestepRange> ranges, List<String> owners) {
    List<Owner> joined = new ArrayList<>();
    for (int i = 0; i < owners.size(); i++) {
      int last = joined.size() - 1;
      if (last >= 0 && joined.get(last).model().equals(owners.get(i))) {
        joined.set(last, new Owner(joined.get(last).low(), ranges.get(i).high(), owners.get(i)));
      } else {
        joined.add(Owner.of(ranges.get(i), owners.get(i)));
      }
    }
    return joined;
  }
}

package dev.atelier.spec;

import java.util.List;
import java.util.Optional;

/**
 * A field of the experiment's spec that had another name in the same place. Records that were
 * written by it are read for ever; users may write it, and answers have it beside the present one,
 * until a version.
 *
 * @param former the path of the field as it was
 * @param present the path of the field
 * @param until the version that no longer knows the former name
 */
public record FormerName(String former, String present, String until) {

  /** Each of them. */
  public static final List<FormerName> ALL =
      List.of(new FormerName("students.loss.prediction", "students.loss.distillation", "0.3.0"));

  /** The rename of the field at {@code path}, by its present name or its former one. */
  public static Optional<FormerName> of(String path) {
    return ALL.stream()
        .filter(name -> name.former.equals(path) || name.present.equals(path))
        .findFirst();
  }

  /** The present path of the field at {@code path}. */
  public static String present(String path) {
    return of(path).map(FormerName::present).orElse(path);
  }
}

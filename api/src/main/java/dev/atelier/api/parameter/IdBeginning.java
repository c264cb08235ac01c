package dev.atelier.api.parameter;

import java.util.Optional;

/** The query parameter of lists that finds what an id's beginning means. */
public final class IdBeginning {

  public static final String NAME = "idPrefix";

  public static final String DESCRIPTION =
      "The beginning of an id, such as 20261122-22: only what is called so. One item: that is what it means";

  /** Behind a beginning it is greater than every text that begins so, in the order of bytes. */
  public static final String BEYOND = Character.toString(Character.MAX_CODE_POINT);

  private IdBeginning() {}

  /**
   * What is asked for; empty: any id.
   *
   * @throws dev.atelier.api.problem.ProblemException 400 if no id can begin so
   */
  public static Optional<String> of(String text) {
    ListParameters parameters = new ListParameters();
    Optional<String> beginning = parameters.text(NAME, text);
    parameters.check();
    return beginning;
  }
}

package dev.atelier.api.problem;

import dev.atelier.spec.SpecFault;
import java.util.List;

/** An error whose answer is decided where it is found. */
public final class ProblemException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final ProblemType type;
  private final transient List<SpecFault> faults;

  public ProblemException(ProblemType type, String detail) {
    this(type, detail, List.of());
  }

  public ProblemException(ProblemType type, String detail, List<SpecFault> faults) {
    super(detail);
    this.type = type;
    this.faults = List.copyOf(faults);
  }

  ProblemType type() {
    return type;
  }

  List<SpecFault> faults() {
    return faults;
  }
}

package dev.atelier.api.problem;

import dev.atelier.spec.SpecFault;
import java.util.List;
import java.util.Map;

/** An error whose answer is decided where it is found. */
public final class ProblemException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final ProblemType type;
  private final transient List<SpecFault> faults;
  private final transient Map<String, String> headers;

  public ProblemException(ProblemType type, String detail) {
    this(type, detail, List.of());
  }

  public ProblemException(ProblemType type, String detail, List<SpecFault> faults) {
    this(type, detail, faults, Map.of());
  }

  /** An error whose answer has headers of its own. */
  public ProblemException(ProblemType type, String detail, Map<String, String> headers) {
    this(type, detail, List.of(), headers);
  }

  private ProblemException(
      ProblemType type, String detail, List<SpecFault> faults, Map<String, String> headers) {
    super(detail);
    this.type = type;
    this.faults = List.copyOf(faults);
    this.headers = Map.copyOf(headers);
  }

  public ProblemType type() {
    return type;
  }

  public List<SpecFault> faults() {
    return faults;
  }

  public Map<String, String> headers() {
    return headers;
  }
}

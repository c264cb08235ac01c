package dev.atelier.api.spec;

import dev.atelier.spec.SpecFault;
import java.util.List;

/** A document that cannot be accepted, with all that is wrong with it. */
public final class RefusedDocumentException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** At which stage the document was refused. */
  public enum Reason {
    TOO_LARGE,
    MALFORMED, // is not JSON or YAML, or is more than plain data
    INVALID // can be read, but breaks the schema or a rule
  }

  private final Reason reason;
  private final transient List<SpecFault> faults;

  public RefusedDocumentException(Reason reason, List<SpecFault> faults) {
    super(faults.toString());
    this.reason = reason;
    this.faults = List.copyOf(faults);
  }

  public Reason reason() {
    return reason;
  }

  /** Never empty. */
  public List<SpecFault> faults() {
    return faults;
  }
}

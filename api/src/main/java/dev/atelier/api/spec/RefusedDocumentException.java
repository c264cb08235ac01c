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

  /** Most faults that are told one by one. */
  public static final int MOST_FAULTS = 100;

  private final transient List<SpecFault> faults;
  private final int count;

  public RefusedDocumentException(Reason reason, List<SpecFault> faults) {
    this(reason, faults.stream().limit(MOST_FAULTS).toList(), faults.size());
  }

  private RefusedDocumentException(Reason reason, List<SpecFault> told, int count) {
    super(told.toString());
    this.reason = reason;
    this.faults = told;
    this.count = count;
  }

  /** How many faults there are, told or not. */
  public int count() {
    return count;
  }

  public Reason reason() {
    return reason;
  }

  /** The first of them, {@link #MOST_FAULTS} at most; never empty. */
  public List<SpecFault> faults() {
    return faults;
  }
}

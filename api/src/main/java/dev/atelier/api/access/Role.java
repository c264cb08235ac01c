package dev.atelier.api.access;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a caller may do; each role may do all that the ones before it may. */
public enum Role {
  /** Sees what its projects have. */
  @JsonProperty("viewer")
  VIEWER,
  /** Launches, steers and deletes in its projects. */
  @JsonProperty("operator")
  OPERATOR,
  /** Sees every project, gives out tokens, reads the audit, compares store and database. */
  @JsonProperty("admin")
  ADMIN;

  /** Whether this role may do what {@code needed} may. */
  public boolean covers(Role needed) {
    return compareTo(needed) >= 0;
  }
}

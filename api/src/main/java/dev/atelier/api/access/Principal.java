package dev.atelier.api.access;

import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Who calls.
 *
 * @param name such as {@code token ci}; no two callers have the same one
 * @param projects whose experiments and studies it may reach; empty: those of every project
 * @param token id of the API token that says so; empty: it is of the provider, or nobody asked
 * @param subject the provider's name for the person who calls, or whose token it is
 */
public record Principal(
    String name,
    Role role,
    Optional<Set<String>> projects,
    Optional<String> token,
    Optional<String> subject) {

  /** The caller of a server without authentication. */
  static final Principal OPEN =
      new Principal("anyone", Role.ADMIN, Optional.empty(), Optional.empty(), Optional.empty());

  /** A person whom the provider vouches for. An admin reaches every project. */
  static Principal ofPerson(String subject, String name, Role role, Set<String> projects) {
    return new Principal(
        name, role, reached(role, projects), Optional.empty(), Optional.of(subject));
  }

  /** The caller of an API token. */
  static Principal ofToken(String id, String name, Role role, Set<String> projects) {
    return new Principal(
        "token %s (%s)".formatted(name, id),
        role,
        reached(role, projects),
        Optional.of(id),
        Optional.empty());
  }

  /** The caller of a person's own token, who may do what the token says and the person may. */
  static Principal ofOwnToken(
      String id, String name, Role role, Set<String> projects, Principal owner) {
    Role lesser = owner.role.covers(role) ? role : owner.role;
    Set<String> both =
        owner
            .projects
            .map(
                own ->
                    role == Role.ADMIN
                        ? own
                        : projects.stream().filter(own::contains).collect(Collectors.toSet()))
            .orElse(projects);
    return new Principal(
        "token %s (%s) of %s".formatted(name, id, owner.name),
        lesser,
        reached(lesser, both),
        Optional.of(id),
        owner.subject);
  }

  /** The person who calls by a browser or a token of the provider, and not by one of a script. */
  Optional<Principal> asPerson() {
    return subject.isPresent() && token.isEmpty() ? Optional.of(this) : Optional.empty();
  }

  private static Optional<Set<String>> reached(Role role, Set<String> projects) {
    return role == Role.ADMIN ? Optional.empty() : Optional.of(Set.copyOf(projects));
  }

  boolean reaches(String project) {
    return projects.map(own -> own.contains(project)).orElse(true);
  }
}

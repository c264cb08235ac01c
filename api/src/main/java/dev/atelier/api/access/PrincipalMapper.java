package dev.atelier.api.access;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jdbi.v3.core.statement.StatementContext;

/** Reads who calls from a row of a token, of a person, or of a person's own token. */
final class PrincipalMapper implements RowMapper<Principal> {

  /** Of {@code api_token t} and {@code person p}, each of which may be missing. */
  static final String COLUMNS =
      """
      t.id as token_id, t.name as token_name, t.role as token_role, t.projects as token_projects,
        p.subject as subject, p.name as person_name, p.role as person_role,
        p.projects as person_projects""";

  @Override
  public Principal map(ResultSet row, StatementContext context) throws SQLException {
    String subject = row.getString("subject");
    Optional<Principal> person =
        subject == null
            ? Optional.empty()
            : Optional.of(
                Principal.ofPerson(
                    subject,
                    row.getString("person_name"),
                    Role.valueOf(row.getString("person_role")),
                    projects(row, "person_projects")));
    String token = row.getString("token_id");
    if (token == null) {
      return person.orElseThrow();
    }
    String name = row.getString("token_name");
    Role role = Role.valueOf(row.getString("token_role"));
    Set<String> projects = projects(row, "token_projects");
    return person
        .map(owner -> Principal.ofOwnToken(token, name, role, projects, owner))
        .orElseGet(() -> Principal.ofToken(token, name, role, projects));
  }

  private static Set<String> projects(ResultSet row, String column) throws SQLException {
    return Set.copyOf(ApiTokens.texts(row, column));
  }
}

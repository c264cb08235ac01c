package dev.atelier.api.access;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Optional;

/** A token that a person wants for a script of theirs. */
public record OwnTokenRequest(
    @JsonPropertyDescription("What it is for") @NotNull @Size(min = 1, max = 100) String name,
    @JsonPropertyDescription(
            "viewer, operator or admin, at most the person's; absent: the person's")
        @NotNull
        Optional<Role> role,
    @JsonPropertyDescription("Some of the person's; none: all of them") @NotNull @Size(max = 100)
        List<@Pattern(regexp = Projects.NAME) String> projects,
    @JsonPropertyDescription("Days until it ends; absent: as many as the server allows") @NotNull
        Optional<@Min(1) @Max(3650) Integer> expiresInDays) {

  public OwnTokenRequest {
    role = role == null ? Optional.empty() : role;
    projects = projects == null ? List.of() : List.copyOf(projects);
    expiresInDays = expiresInDays == null ? Optional.empty() : expiresInDays;
  }
}

package dev.atelier.api.access;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Optional;

/** A token that is wanted. */
public record TokenRequest(
    @JsonPropertyDescription("What it is for, for people") @NotNull @Size(min = 1, max = 100)
        String name,
    @JsonPropertyDescription("viewer, operator or admin") @NotNull Role role,
    @JsonPropertyDescription("Whose experiments it reaches; none for an admin, who reaches all")
        @NotNull
        @Size(max = 100)
        List<@Pattern(regexp = Projects.NAME) String> projects,
    @JsonPropertyDescription("Days until it ends; absent: it never does") @NotNull
        Optional<@Min(1) @Max(3650) Integer> expiresInDays) {

  public TokenRequest {
    projects = projects == null ? List.of() : List.copyOf(projects);
    expiresInDays = expiresInDays == null ? Optional.empty() : expiresInDays;
  }
}

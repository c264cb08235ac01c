package dev.atelier.api.access;

import java.util.Optional;
import java.util.Set;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The caller as the server sees it. */
public record WhoAmI(
    String name,
    Role role,
    @Schema(
            description = "Projects that it reaches; absent: all",
            type = SchemaType.ARRAY,
            implementation = String.class)
        Optional<Set<String>> projects,
    @Schema(description = "Whether it is a person whom the provider has let in, by no API token")
        boolean person) {}

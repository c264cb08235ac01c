package dev.atelier.api.registry;

import dev.atelier.api.export.Table;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Prepared datasets by SHA-256. */
public record DatasetPage(
    List<DatasetView> items,
    @Schema(
            description = "Pass as `cursor` to get the next page; absent: this is the last",
            implementation = String.class)
        Optional<String> nextCursor)
    implements Table.Page<DatasetView> {}

package dev.atelier.api.worker;

import dev.atelier.api.export.Table;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Workers, by their ids. */
public record WorkerPage(
    List<WorkerView> items,
    @Schema(
            description = "Pass as `cursor` to get the next page; absent: this is the last",
            implementation = String.class)
        Optional<String> nextCursor)
    implements Table.Page<WorkerView> {}

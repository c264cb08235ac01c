package dev.atelier.api.project;

import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What a project may have, and what it has. */
public record ProjectView(
    @Schema(description = "Its name, which is all that it is", examples = "vision") String project,
    @Schema(description = "What it may have; what is absent has no bound") Quota quota,
    @Schema(description = "What it has now, and has used this month (UTC)") Used used) {

  /** What the bounds are held against. */
  @Schema(name = "ProjectUse")
  public record Used(
      @Schema(description = "Devices that work for it, or are its next work's") int devices,
      @Schema(description = "Pieces of its work that wait for room") int waiting,
      double gpuHours,
      @Schema(description = "Hours of workers without a GPU") double cpuHours,
      long storedBytes,
      @Schema(description = "Experiments that have not ended") int experiments) {}
}

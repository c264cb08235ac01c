package dev.atelier.api.project;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Min;
import java.util.Optional;

/** What a project may have; what is absent has no bound. */
public record Quota(
    @JsonPropertyDescription("Devices that work for it at once; work beyond waits")
        Optional<@Min(0) Integer> devicesAtOnce,
    @JsonPropertyDescription(
            "Hours of GPUs in a month (UTC); then nothing is launched and work that has not begun waits")
        Optional<@DecimalMin("0") Double> gpuHoursPerMonth,
    @JsonPropertyDescription("The same of workers without a GPU")
        Optional<@DecimalMin("0") Double> cpuHoursPerMonth,
    @JsonPropertyDescription(
            "Bytes of checkpoints, files and datasets; then nothing is launched until some are deleted")
        Optional<@Min(0) Long> storedBytes,
    @JsonPropertyDescription("Experiments that have not ended; none is launched beyond")
        Optional<@Min(0) Integer> experimentsWaiting) {

  static final Quota NONE =
      new Quota(
          Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  public Quota {
    devicesAtOnce = devicesAtOnce == null ? Optional.empty() : devicesAtOnce;
    gpuHoursPerMonth = gpuHoursPerMonth == null ? Optional.empty() : gpuHoursPerMonth;
    cpuHoursPerMonth = cpuHoursPerMonth == null ? Optional.empty() : cpuHoursPerMonth;
    storedBytes = storedBytes == null ? Optional.empty() : storedBytes;
    experimentsWaiting = experimentsWaiting == null ? Optional.empty() : experimentsWaiting;
  }
}

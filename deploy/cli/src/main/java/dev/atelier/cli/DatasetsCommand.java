package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "datasets", description = "List the datasets that experiments have prepared.")
final class DatasetsCommand implements Callable<Integer> {

  private static final int SHOWN = 12; // characters of a SHA-256

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;
  @Mixin private LimitOption limit;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    JsonNode page = connection.api().datasetsDocument(limit.value());
    if (!output.prints(() -> page)) {
      Screen.standard().print(table(page).lines());
    }
    return ExitCodes.OK;
  }

  private static TextTable table(JsonNode page) {
    TextTable table =
        new TextTable("sha256", "images", "size", "classes", "skipped", "experiments", "sources");
    for (JsonNode dataset : page.path("items")) {
      List<String> sources = new ArrayList<>();
      dataset.path("sources").forEach(source -> sources.add(source.asText()));
      String sha256 = dataset.path("sha256").asText();
      table.row(
          sha256.substring(0, Math.min(SHOWN, sha256.length())),
          dataset.path("images").asText(),
          "%s×%s×%s"
              .formatted(
                  dataset.path("channels").asText(),
                  dataset.path("resolution").asText(),
                  dataset.path("resolution").asText()),
          dataset.path("classes").asText(),
          dataset.path("skipped").asText(),
          dataset.path("experiments").asText(),
          String.join(", ", sources));
    }
    return table;
  }
}

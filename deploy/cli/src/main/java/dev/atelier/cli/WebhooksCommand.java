package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.vocabulary.Notation;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Scanner;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "webhooks",
    description = "Be told of stage changes and failed models: signed JSON, Slack, e-mail.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      WebhooksCommand.Ls.class,
      WebhooksCommand.Add.class,
      WebhooksCommand.Deliveries.class,
      WebhooksCommand.Test.class,
      WebhooksCommand.Rm.class
    })
final class WebhooksCommand {

  private WebhooksCommand() {}

  @Command(name = "ls", description = "List webhooks, newest first.")
  static final class Ls implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      JsonNode page = connection.api().webhooksDocument(200);
      if (!output.prints(() -> page)) {
        TextTable table =
            TextTable.toTheLeft("id", "project", "form", "to", "events", "experiment", "labels");
        for (JsonNode webhook : page.path("items")) {
          List<String> labels = new ArrayList<>();
          webhook
              .path("labels")
              .properties()
              .forEach(label -> labels.add(label.getKey() + ":" + label.getValue().asText()));
          List<String> events = new ArrayList<>();
          webhook.path("events").forEach(event -> events.add(event.asText()));
          table.row(
              webhook.path("id").asText(),
              webhook.path("project").asText("all"),
              webhook.path("form").asText(),
              to(webhook),
              String.join(",", events),
              webhook.path("experiment").asText("all"),
              String.join(",", labels));
        }
        Screen.standard().print(table.lines());
      }
      return ExitCodes.OK;
    }

    private static String to(JsonNode webhook) {
      List<String> recipients = new ArrayList<>();
      webhook.path("recipients").forEach(recipient -> recipients.add(recipient.asText()));
      return webhook.path("url").asText(String.join(",", recipients));
    }
  }

  @Command(
      name = "add",
      description = "Make a webhook and print its secret, if it has one, which is shown this once.")
  static final class Add implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Parameters(
        paramLabel = "URL",
        arity = "0..1",
        description =
            "Where messages are posted to; -: it is read from the input, and so in no history.")
    private Optional<String> receiver = Optional.empty();

    @Option(
        names = "--form",
        paramLabel = "FORM",
        description = "signed, slack or email; absent: signed, and email with --to.")
    private Optional<String> form = Optional.empty();

    @Option(
        names = "--to",
        paramLabel = "ADDRESS",
        description = "Who gets a mail; may be repeated.")
    private List<String> recipients = List.of();

    @Option(
        names = "--project",
        paramLabel = "NAME",
        description = "Whose experiments; absent: your only one's, or, for an admin, all.")
    private Optional<String> project = Optional.empty();

    @Option(
        names = "--event",
        paramLabel = "TYPE",
        description = "experiment.stage or model.failed; may be repeated; absent: both.")
    private List<String> events = List.of();

    @Option(names = "--experiment", paramLabel = "ID", description = "Only of this one.")
    private Optional<String> experiment = Optional.empty();

    @Option(
        names = "--label",
        paramLabel = "KEY=VALUE",
        description = "That an experiment must have; may be repeated.")
    private Map<String, String> labels = Map.of();

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      Map<String, Object> webhook = new LinkedHashMap<>();
      form.or(() -> recipients.isEmpty() ? Optional.empty() : Optional.of("email"))
          .ifPresent(name -> webhook.put("form", name));
      if (receiver.isPresent()) {
        webhook.put("url", receiver.get().equals("-") ? firstLineOfInput() : receiver.get());
      }
      if (!recipients.isEmpty()) {
        webhook.put("recipients", recipients);
      }
      if (!events.isEmpty()) {
        webhook.put("events", events);
      }
      if (experiment.isPresent()) {
        webhook.put("experiment", api.resolve(experiment.get()));
      }
      webhook.put("labels", labels);
      JsonNode made = api.addWebhook(webhook, project);
      if (!output.prints(() -> made)) {
        String secret = made.path("secret").asText("");
        Screen.standard()
            .print(
                "Made webhook %s.%s"
                    .formatted(
                        made.path("id").asText(),
                        secret.isEmpty() ? "" : " Its secret: " + secret));
      }
      return ExitCodes.OK;
    }

    private static String firstLineOfInput() {
      Scanner input = new Scanner(System.in, StandardCharsets.UTF_8);
      return input.hasNextLine() ? input.nextLine().strip() : "";
    }
  }

  @Command(name = "deliveries", description = "List what was sent and what became of it.")
  static final class Deliveries implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;
    @Mixin private LimitOption limit;

    @Parameters(paramLabel = "ID", description = "The webhook: its id, or the beginning of it.")
    private String id;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      JsonNode page = api.deliveriesDocument(api.resolveWebhook(id), limit.value());
      if (!output.prints(() -> page)) {
        TextTable table =
            TextTable.toTheLeft(
                "created", "type", "to", "state", "attempts", "status", "id", "error");
        for (JsonNode delivery : page.path("items")) {
          table.row(
              TimeText.of(delivery.path("createdAt"), Notation.NONE),
              delivery.path("type").asText(),
              delivery.path("recipient").asText(Notation.NONE),
              delivery.path("state").asText(),
              delivery.path("attempts").asText(),
              delivery.path("status").asText(Notation.NONE),
              delivery.path("id").asText(),
              delivery.path("error").asText(""));
        }
        Screen.standard().print(table.lines());
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "test", description = "Send a message of type webhook.test.")
  static final class Test implements Callable<Integer> {

    @Mixin private ApiOptions connection;

    @Parameters(paramLabel = "ID", description = "The webhook: its id, or the beginning of it.")
    private String id;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      JsonNode delivery = api.testWebhook(api.resolveWebhook(id));
      Screen.standard().print("Queued message %s.".formatted(delivery.path("id").asText()));
      return ExitCodes.OK;
    }
  }

  @Command(name = "rm", description = "Delete a webhook; what is not delivered is not sent.")
  static final class Rm implements Callable<Integer> {

    @Mixin private ApiOptions connection;

    @Parameters(paramLabel = "ID", description = "The webhook: its id, or the beginning of it.")
    private String id;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      String webhook = api.resolveWebhook(id);
      api.deleteWebhook(webhook);
      Screen.standard().print("Deleted webhook %s.".formatted(webhook));
      return ExitCodes.OK;
    }
  }
}

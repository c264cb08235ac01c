package dev.atelier.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.dataset.CocoAnnotations;
import dev.atelier.untrusted.HeapBudget;
import dev.atelier.untrusted.OneLine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What samples may show: things, each said by one text or several of which one is drawn.
 *
 * @param texts of each thing, at least one
 * @param empty texts that were passed over since they say nothing
 * @param tooLong texts of more than {@link #MOST_CHARACTERS}, which were passed over
 */
public record PromptSource(List<List<String>> texts, int empty, int tooLong) {

  /** Of a text: many times what a text encoder reads. */
  static final int MOST_CHARACTERS = 4096;

  private static final int MOST_SHOWN = 200; // characters
  private static final ObjectMapper JSON = new ObjectMapper();

  public PromptSource {
    texts = texts.stream().map(List::copyOf).toList();
  }

  /**
   * Reads a file: a text in each line, or of {@code .json} the annotations of COCO, whose images
   * are the things, in the order of their numbers.
   *
   * @param shown its name in messages
   * @throws EvaluationException if it is neither, too large, or has no text
   */
  public static PromptSource read(Path file, String shown) throws IOException {
    if (Files.size(file) > HeapBudget.contentBytes()) {
      throw unusable(
          shown,
          "it has %d bytes, expected at most %d, an eighth of the worker's heap"
              .formatted(Files.size(file), HeapBudget.contentBytes()));
    }
    boolean coco = file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".json");
    Reading reading = new Reading();
    try {
      Collection<List<String>> found =
          coco ? annotations(file, shown, reading) : lines(file, reading);
      if (found.isEmpty()) {
        throw unusable(
            shown,
            "expected a text in each %s, found none (%d are empty, %d have more than %d characters)"
                .formatted(
                    coco ? "of its annotations" : "line",
                    reading.empty,
                    reading.tooLong,
                    MOST_CHARACTERS));
      }
      return new PromptSource(List.copyOf(found), reading.empty, reading.tooLong);
    } catch (CharacterCodingException e) {
      throw unusable(shown, "it is no text in UTF-8");
    }
  }

  /** Passes over and counts what is no prompt. */
  private static final class Reading {
    private int empty;
    private int tooLong;

    private Stream<String> prompt(String text) {
      String prompt = text.replace("\uFEFF", "").strip();
      if (prompt.isEmpty()) {
        empty++;
        return Stream.empty();
      }
      if (prompt.length() > MOST_CHARACTERS) {
        tooLong++;
        return Stream.empty();
      }
      return Stream.of(prompt);
    }
  }

  private static List<List<String>> lines(Path file, Reading reading) throws IOException {
    List<List<String>> things = new ArrayList<>();
    try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        reading.prompt(line).map(List::of).forEach(things::add);
      }
    }
    return things;
  }

  private static Collection<List<String>> annotations(Path file, String shown, Reading reading)
      throws IOException {
    TreeMap<Long, List<String>> byImage = new TreeMap<>();
    try (InputStream in = Files.newInputStream(file)) {
      CocoAnnotations.forEach(
          file.getFileName().toString(),
          in,
          CocoAnnotations.CAPTION,
          (image, captions) -> {
            if (!(image.orElse("none") instanceof Long id)
                || captions.isDamaged()
                || captions.kept().isEmpty()) {
              throw unusable(
                  shown,
                  "expected annotations with a number image_id and a text caption, found one of image_id %s with %d texts"
                      .formatted(
                          OneLine.of(image.orElse("none").toString(), MOST_SHOWN),
                          captions.kept().size()));
            }
            captions.kept().stream()
                .flatMap(reading::prompt)
                .forEach(prompt -> byImage.computeIfAbsent(id, i -> new ArrayList<>()).add(prompt));
          });
    } catch (CocoAnnotations.MalformedException e) {
      throw unusable(shown, e.getMessage().replaceFirst("\\.$", ""));
    }
    return byImage.values();
  }

  private static EvaluationException unusable(String shown, String why) {
    return new EvaluationException("Cannot use the prompts '%s': %s.".formatted(shown, why));
  }

  /** Writes the texts as JSON. */
  public void write(Path file) throws IOException {
    JSON.writeValue(file.toFile(), texts);
  }

  /** Reads what {@link #write} wrote. */
  static PromptSource stored(Path file) throws IOException {
    List<List<String>> texts = new ArrayList<>();
    for (JsonNode thing : JSON.readTree(file.toFile())) {
      List<String> own = new ArrayList<>();
      thing.forEach(text -> own.add(text.asText()));
      texts.add(own);
    }
    return new PromptSource(texts, 0, 0);
  }
}

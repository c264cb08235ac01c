package dev.atelier.pipeline;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.graph.Operation.Gelu;
import dev.atelier.graph.Weight;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.TeacherSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The built-in text encoder: a small {@code CLIPTextModel} of fixed random weights with a tokenizer
 * that knows the words of the built-in captions as tokens of their own, and all others by their
 * bytes. It says which words a text has and where, which is enough to learn from; what words mean
 * it does not know.
 */
public final class RandomClip {

  private static final long SEED = 20241004;
  private static final int INNER_WIDTH = 128;
  private static final int LAYERS = 2;
  private static final int HEADS = 4;
  private static final double EPS = 1e-5;
  private static final double POSITION = 0.5; // deviation; that of tokens is 1
  private static final double LAYER = 0.05; // of layers, which change little of what tokens say
  private static final String START = "<|startoftext|>";
  private static final String END = "<|endoftext|>";
  private static final List<String> WORDS =
      List.of(
          "red",
          "yellow",
          "green",
          "cyan",
          "blue",
          "magenta",
          "circle",
          "square",
          "triangle",
          "cross",
          "a",
          "an",
          "the",
          "of",
          "is",
          "that",
          "in",
          "colour",
          "picture",
          "image",
          "drawing",
          "photo",
          "with",
          "and",
          "on",
          "small",
          "large");

  private RandomClip() {}

  /** Writes its folders {@code text_encoder} and {@code tokenizer} below {@code root}. */
  public static void write(Path root) throws IOException {
    List<List<String>> merges = new ArrayList<>();
    Set<String> tokens = new LinkedHashSet<>(BytePairs.alphabet());
    BytePairs.alphabet().forEach(letter -> tokens.add(letter + BytePairs.END_OF_WORD));
    // The longest first: merges of one word then leave those before it whole.
    WORDS.stream()
        .sorted(Comparator.comparingInt(String::length).reversed())
        .forEach(word -> join(word, merges, tokens));
    tokens.add(START);
    tokens.add(END);
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    tokens.forEach(token -> vocabulary.put(token, vocabulary.size()));
    writeTokenizer(Files.createDirectories(root.resolve("tokenizer")), vocabulary, merges);
    writeEncoder(Files.createDirectories(root.resolve("text_encoder")), vocabulary);
  }

  /** Adds the merges that make one token of {@code word}. */
  private static void join(String word, List<List<String>> merges, Set<String> tokens) {
    List<String> symbols = new ArrayList<>();
    for (int i = 0; i < word.length(); i++) {
      symbols.add(word.charAt(i) + (i + 1 == word.length() ? BytePairs.END_OF_WORD : ""));
    }
    for (List<String> merge : merges) {
      for (int i = 0; i + 1 < symbols.size(); i++) {
        if (symbols.subList(i, i + 2).equals(merge)) {
          symbols.set(i, symbols.get(i) + symbols.remove(i + 1));
        }
      }
    }
    while (symbols.size() > 1) {
      merges.add(List.of(symbols.get(0), symbols.get(1)));
      symbols.set(0, symbols.get(0) + symbols.remove(1));
      tokens.add(symbols.get(0));
    }
  }

  private static void writeTokenizer(
      Path folder, Map<String, Integer> vocabulary, List<List<String>> merges) throws IOException {
    ObjectMapper json = new ObjectMapper();
    json.writeValue(folder.resolve("vocab.json").toFile(), vocabulary);
    StringBuilder lines = new StringBuilder("#version: 0.2\n");
    merges.forEach(merge -> lines.append(String.join(" ", merge)).append('\n'));
    Files.writeString(folder.resolve("merges.txt"), lines.toString());
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("tokenizer_class", "CLIPTokenizer");
    config.put("model_max_length", TeacherSpec.RANDOM_CLIP_TOKENS);
    config.put("bos_token", START);
    for (String role : List.of("eos_token", "pad_token", "unk_token")) {
      config.put(role, END);
    }
    json.writeValue(folder.resolve("tokenizer_config.json").toFile(), config);
  }

  private static void writeEncoder(Path folder, Map<String, Integer> vocabulary)
      throws IOException {
    ClipConfig layers =
        new ClipConfig(
            TeacherSpec.RANDOM_CLIP_WIDTH, INNER_WIDTH, LAYERS, HEADS, Gelu.Form.SIGMOID, EPS);
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("architectures", List.of("CLIPTextModel"));
    config.put("model_type", "clip_text_model");
    config.put("hidden_size", layers.width());
    config.put("intermediate_size", layers.innerWidth());
    config.put("num_hidden_layers", layers.layers());
    config.put("num_attention_heads", layers.heads());
    config.put("hidden_act", "quick_gelu");
    config.put("layer_norm_eps", layers.eps());
    config.put("max_position_embeddings", TeacherSpec.RANDOM_CLIP_TOKENS);
    config.put("vocab_size", vocabulary.size());
    config.put("bos_token_id", vocabulary.get(START));
    config.put("eos_token_id", vocabulary.get(END));
    config.put("pad_token_id", vocabulary.get(END));
    new ObjectMapper().writeValue(folder.resolve("config.json").toFile(), config);
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    List<Weight> weights =
        ClipText.graph(layers, vocabulary.size(), TeacherSpec.RANDOM_CLIP_TOKENS, Optional.empty())
            .weights();
    SeededRandom random = new SeededRandom(SEED);
    IntStream.range(0, weights.size())
        .forEach(i -> tensors.put(weights.get(i).name(), values(weights.get(i), i, random)));
    SafetensorsFile.write(folder.resolve("model.safetensors"), tensors, Map.of("format", "pt"));
  }

  private static HostTensor values(Weight weight, int index, SeededRandom random) {
    long[] shape = weight.dimensions();
    HostTensor tensor = HostTensor.zeros(HostTensor.DType.F32, shape);
    float[] values = new float[Math.toIntExact(tensor.elements())];
    String name = weight.name();
    boolean norm = name.contains("norm");
    if (norm && name.endsWith(".weight")) {
      Arrays.fill(values, 1);
    } else if (!name.endsWith(".bias")) {
      double deviation =
          name.contains("token_embedding")
              ? 1
              : name.contains("position_embedding") ? POSITION : LAYER;
      random.stream(Purpose.INITIALISATION, index, 0).gaussians(values, 0, values.length);
      for (int i = 0; i < values.length; i++) {
        values[i] *= (float) deviation;
      }
    }
    tensor.putFloats(values);
    return tensor;
  }
}

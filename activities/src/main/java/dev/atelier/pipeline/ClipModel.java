package dev.atelier.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.files.ConfigFields;
import dev.atelier.network.files.WeightFiles;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.Listing;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A {@code CLIPModel} of transformers with its tokenizer and image processor: texts and pictures as
 * embeddings that can be compared. Radford et al. 2021.
 */
public final class ClipModel {

  private static final String CONFIG = "config.json";
  private static final String LOGIT_SCALE = "logit_scale"; // of training

  /** Files that say something of it, beside its weights. */
  private static final List<String> FILES =
      List.of(
          CONFIG,
          ClipPictures.FILE,
          ClipPictures.WHOLE,
          "tokenizer_config.json",
          "tokenizer.json",
          "vocab.json",
          "merges.txt",
          "special_tokens_map.json");

  private static final Set<String> KNOWN =
      Set.of(
          "architectures",
          "dtype",
          "torch_dtype",
          "initializer_factor",
          "initializer_range",
          "logit_scale_init_value",
          "model_type",
          "projection_dim",
          "text_config",
          "text_config_dict",
          "transformers_version",
          "vision_config",
          "vision_config_dict");

  /** Fields that transformers 4 wrote into the config of every model; none changes what's read. */
  private static final Set<String> OF_ANY_MODEL =
      Set.of(
          "add_cross_attention",
          "bad_words_ids",
          "begin_suppress_tokens",
          "chunk_size_feed_forward",
          "cross_attention_hidden_size",
          "decoder_start_token_id",
          "diversity_penalty",
          "do_sample",
          "early_stopping",
          "encoder_no_repeat_ngram_size",
          "eos_token_id",
          "exponential_decay_length_penalty",
          "finetuning_task",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "id2label",
          "is_decoder",
          "is_encoder_decoder",
          "label2id",
          "length_penalty",
          "max_length",
          "min_length",
          "no_repeat_ngram_size",
          "num_beam_groups",
          "num_beams",
          "num_return_sequences",
          "output_attentions",
          "output_hidden_states",
          "output_scores",
          "prefix",
          "problem_type",
          "pruned_heads",
          "remove_invalid_values",
          "repetition_penalty",
          "return_dict",
          "return_dict_in_generate",
          "sep_token_id",
          "suppress_tokens",
          "task_specific_params",
          "temperature",
          "tf_legacy_loss",
          "tie_encoder_decoder",
          "tie_word_embeddings",
          "tokenizer_class",
          "top_k",
          "top_p",
          "torchscript",
          "typical_p",
          "use_bfloat16");

  private final ClipText text;
  private final ClipVision vision;
  private final ClipTokenizer tokenizer;
  private final ClipPictures pictures;

  private ClipModel(
      ClipText text, ClipVision vision, ClipTokenizer tokenizer, ClipPictures pictures) {
    this.text = text;
    this.vision = vision;
    this.tokenizer = tokenizer;
    this.pictures = pictures;
  }

  /**
   * The files of a folder that are read.
   *
   * @param names of all its files
   * @throws IllegalArgumentException if there are no weights in safetensors, as a clause
   */
  public static List<String> choose(Collection<String> names) {
    List<String> chosen = new ArrayList<>(FILES);
    chosen.retainAll(Set.copyOf(names));
    chosen.addAll(WeightFiles.choose(names, WeightFiles.TRANSFORMERS));
    return chosen;
  }

  /**
   * Reads a folder; what is wrong with it is said before anything is computed.
   *
   * @throws IllegalArgumentException naming the file and the fields or tensors that don't fit, as a
   *     clause
   */
  public static ClipModel read(Path folder) throws IOException {
    Part files = new Part(folder, "", WeightFiles.TRANSFORMERS, Optional.empty());
    ConfigFields fields = files.config("model_type", "clip");
    fields.requireKnown(KNOWN);
    ConfigFields ofText = nested(fields, "text_config", "clip_text_model");
    ConfigFields ofVision = nested(fields, "vision_config", "clip_vision_model");
    int dimension = fields.integer("projection_dim", "512", 1, 65_536);
    fields.refuseFaults();
    Map<String, HostTensor> tensors = files.tensors();
    Map<String, HostTensor> ofTexts =
        take(tensors, ClipText.PREFIX, ClipText.PROJECTION, dimension);
    Map<String, HostTensor> ofPictures =
        take(tensors, ClipVision.PREFIX, ClipVision.PROJECTION, dimension);
    tensors.remove(LOGIT_SCALE);
    if (!tensors.isEmpty()) {
      throw new IllegalArgumentException(
          "the weights have what no CLIPModel has: " + Listing.of(List.copyOf(tensors.keySet())));
    }
    Set<String> ofOthers = new HashSet<>(OF_ANY_MODEL);
    ClipVision vision = ClipVision.of(files, ofVision, ofOthers, ofPictures);
    ofOthers.remove("eos_token_id");
    ClipText text =
        ClipText.of(
            files,
            ofText,
            "text_config of " + CONFIG,
            ofOthers,
            ofTexts,
            List.of(ClipText.PROJECTION));
    ClipTokenizer tokenizer = ClipTokenizer.read(folder);
    text.check(tokenizer);
    ClipPictures pictures = ClipPictures.read(folder);
    pictures.check(vision);
    return new ClipModel(text, vision, tokenizer, pictures);
  }

  /** The config of a part; what files of before transformers 4.27 say beside it holds instead. */
  private static ConfigFields nested(ConfigFields fields, String name, String type) {
    JsonNode older = fields.value(name + "_dict", "null");
    JsonNode found = older.isNull() ? fields.value(name, "null") : older;
    if (!(found instanceof ObjectNode)) {
      fields.fault(name, found, "an object");
      fields.refuseFaults();
    }
    ConfigFields own = new ConfigFields(found, "%s of %s".formatted(name, CONFIG));
    String quoted = "\"" + type + "\"";
    own.require(new ConfigFields.Fixed("model_type", quoted, quoted));
    own.refuseFaults();
    return own;
  }

  /** Takes the tensors of a part out of {@code all}. */
  private static Map<String, HostTensor> take(
      Map<String, HostTensor> all, String prefix, String projection, int dimension) {
    Map<String, HostTensor> taken = new LinkedHashMap<>();
    all.forEach(
        (name, tensor) -> {
          if (name.startsWith(prefix) || name.startsWith(projection + ".")) {
            taken.put(name, tensor);
          }
        });
    all.keySet().removeAll(taken.keySet());
    HostTensor weight = taken.get(projection + ".weight");
    if (weight == null || weight.shape().length != 2 || weight.shape()[0] != dimension) {
      throw new IllegalArgumentException(
          "expected %s.weight of %d rows, as projection_dim of %s says, found %s"
              .formatted(projection, dimension, CONFIG, weight == null ? "none" : weight));
    }
    return taken;
  }

  /** D: elements of an embedding. */
  public int dimension() {
    return text.width();
  }

  /** Whether a text has more tokens than it reads, so that its end is cut off. */
  public boolean cuts(String prompt) {
    return tokenizer.truncates(prompt);
  }

  /** Loads it; {@code work}: a directory for temporary files. */
  public Encoder load(String device, Path work) throws IOException {
    ClipText.Encoder texts = text.load(device, work);
    try {
      return new Encoder(this, texts, vision.load(device, work));
    } catch (IOException | RuntimeException e) {
      texts.close();
      throw e;
    }
  }

  /** Makes embeddings. Not safe for use by several threads at once. */
  public static final class Encoder implements AutoCloseable {
    private final ClipModel model;
    private final ClipText.Encoder texts;
    private final ClipVision.Encoder vision;

    private Encoder(ClipModel model, ClipText.Encoder texts, ClipVision.Encoder vision) {
      this.model = model;
      this.texts = texts;
      this.vision = vision;
    }

    /** The model that it is of. */
    public ClipModel model() {
      return model;
    }

    /**
     * The embeddings of pictures, {@code image_embeds} before their norm: [N, D].
     *
     * @param chw {@code count} pictures [channels, resolution, resolution] as unsigned bytes; a
     *     grey one is shown as RGB
     */
    public float[] embedImages(byte[] chw, int count, int channels, int resolution) {
      return vision.encode(model.pictures.prepare(chw, count, channels, resolution)).toFloats();
    }

    /** The embeddings of texts, {@code text_embeds} before their norm: [N, D]. */
    public float[] embedTexts(List<String> prompts) {
      return texts
          .encode(prompts.stream().map(model.tokenizer::paddedIds).toArray(int[][]::new))
          .pooled()
          .toFloats();
    }

    @Override
    public void close() {
      texts.close();
      vision.close();
    }
  }
}

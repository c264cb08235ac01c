package dev.atelier.publication;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.files.Denoiser;
import dev.atelier.network.pruning.ChannelPruning;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.publication.ExportedFolder.Trained;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.NetworkSpec.Variant;
import dev.atelier.spec.TeacherSpec.Parts;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is exported, loaded with diffusers in Python. */
class DiffusersFoldersTest {

  private static final String SPEC =
      """
      {"name": "folders", "dataset": {"source": "shapes?count=64&seed=1", "resolution": 8},
       "students": {"count": 3},
       "evaluation": {"sampler": {"kind": "ddim", "steps": 10, "spacing": "trailing"}}}
      """;

  /** Loads the pipeline in the working directory, and what was sampled here. */
  private static final String PRELUDE =
      """
      import os
      os.environ.update(HF_HOME=os.path.abspath('hf'), HF_HUB_OFFLINE='1')
      import json, numpy, torch
      from diffusers import DiffusionPipeline, UNet2DModel
      out = os.getcwd()
      def load(**options):
          return DiffusionPipeline.from_pretrained(out, custom_pipeline=out, trust_remote_code=True, **options)
      def pixels(pipe, **options):
          pipe.set_progress_bar_config(disable=True)
          images = pipe(latents=latents.clone(), **options).images
          return numpy.stack([numpy.asarray(i) for i in images]).astype(int)
      side = json.load(open('ensemble/config.json'))['resolution']
      latents = torch.from_numpy(numpy.fromfile('latents.bin', dtype='<f4').reshape(-1, 3, side, side))
      ours = numpy.fromfile('pixels.bin', dtype='u1').reshape(latents.shape).transpose(0, 2, 3, 1).astype(int)
      assert ours.std() > 10, ours.std()
      """;

  @TempDir Path directory;

  private static Network unet(int channels, int classes, Variant variant) {
    return Network.of(
        new NetworkSpec(
            channels,
            List.of(1, 2),
            1,
            List.of(4),
            1,
            0.0,
            Optional.of(4),
            Optional.empty(),
            Optional.of(variant)),
        8,
        3,
        classes);
  }

  private static Trained student(int k, Network network, int low, int high) {
    return Trained.of(ModelKey.student(k), network, ClosedForm.weights(network), low, high);
  }

  private ExportedFolder export(int classes, List<Trained> students) throws Exception {
    ExportedFolder export = new ExportedFolder(directory, SPEC, 8, classes);
    for (Trained student : students) {
      export.add(student);
    }
    assertThat(export.folders.addEnsemble(models(students), "", "o2mkd")).isEmpty();
    export.sample(students, 4);
    return export;
  }

  private static List<ModelRef> models(List<Trained> students) {
    return students.stream().map(Trained::model).toList();
  }

  @Test
  @RequiresPython
  void shouldGiveTheImagesThatWeSampleWhenUNetsTakeTurns() throws Exception {
    export(
        0,
        List.of(
            student(1, unet(8, 0, Variant.DDPM), 0, 250),
            student(2, unet(16, 0, Variant.DIFFUSERS), 250, 600),
            student(3, unet(12, 0, Variant.DDPM), 600, 1000)));
    Python.run(
        directory,
        PRELUDE
            + """
        pipe = load()
        theirs = pixels(pipe)
        assert abs(theirs - ours).max() <= 1, abs(theirs - ours).max()
        assert len(pipe.ensemble.loaded) == 3

        pipe.enable_model_loading_in_turn()
        loaded = []
        taken = pipe.ensemble._student
        def watched(entry):
            model = taken(entry)
            loaded.append((entry['folder'], len(pipe.ensemble.loaded)))
            return model
        pipe.ensemble._student = watched
        assert (pixels(pipe) == theirs).all()
        assert {n for _, n in loaded} == {1}, loaded
        assert [f for i, (f, _) in enumerate(loaded) if i == 0 or loaded[i - 1][0] != f] == [
            'student-3', 'student-2', 'student-1'], loaded

        half = pixels(load(torch_dtype=torch.float16))
        assert load(torch_dtype=torch.float16).ensemble.dtype == torch.float16
        assert abs(half - ours).mean() < 4, abs(half - ours).mean()
        assert (half != theirs).any()

        model = UNet2DModel.from_pretrained(os.path.join(out, 'student-2'), subfolder='unet')
        x = latents
        with torch.no_grad():
            alone = model(x, 300).sample
            assert torch.equal(alone, pipe.ensemble(x, 300).sample)
            assert torch.equal(alone, pipe.ensemble(x, torch.tensor([300])).sample)
            assert not torch.equal(alone, pipe.ensemble(x, 250.5).sample)
            assert torch.equal(model(x, torch.full((4,), 599.5)).sample, pipe.ensemble(x, 599.5).sample)
        assert pipe.ensemble.owner(249.999)['folder'] == 'student-1'
        for outside in (-1, 1000, 1000.5):
            try:
                pipe.ensemble(x, outside)
                raise SystemExit('no error')
            except ValueError as e:
                assert str(e) == f'timestep {outside} lies outside of the students\\' ranges [0, 1000)', e
        try:
            pipe(class_labels=[1])
            raise SystemExit('no error')
        except ValueError as e:
            assert 'have no classes' in str(e), e

        try:
            DiffusionPipeline.from_pretrained(out, custom_pipeline=out)
            raise SystemExit('no error')
        except ValueError as e:
            assert 'trust_remote_code' in str(e), e
        """);
  }

  /** Those of the issue; three of them with timesteps between whole ones. */
  @Test
  @RequiresPython
  void shouldSampleWithEverySchedulerAlsoBetweenTimesteps() throws Exception {
    export(
        0,
        List.of(
            student(1, unet(8, 0, Variant.DDPM), 0, 250),
            student(2, unet(8, 0, Variant.DDPM), 250, 600),
            student(3, unet(8, 0, Variant.DDPM), 600, 1000)));
    Python.run(
        directory,
        PRELUDE
            + """
        import diffusers
        pipe = load()
        model = UNet2DModel.from_pretrained(os.path.join(out, 'student-1'), subfolder='unet')
        configured = pipe.scheduler.config
        fractional = set()
        for name, options in [
            ('DDPMScheduler', {}), ('DDIMScheduler', {}), ('PNDMScheduler', {}), ('DPMSolverMultistepScheduler', {}),
            ('EulerDiscreteScheduler', {}), ('EulerDiscreteScheduler', {'timestep_spacing': 'linspace'}),
            ('EulerDiscreteScheduler', {'use_karras_sigmas': True}), ('HeunDiscreteScheduler', {'use_karras_sigmas': True}),
            ('UniPCMultistepScheduler', {})]:
            options = {'timestep_spacing': 'leading', **options}
            make = lambda: getattr(diffusers, name).from_config(configured, **options)
            pipe.scheduler = make()
            told = []
            asked = pipe.ensemble.owner
            pipe.ensemble.owner = lambda t: told.append(t) or asked(t)
            ensemble = pixels(pipe, generator=torch.Generator().manual_seed(1), num_inference_steps=7)
            pipe.ensemble.owner = asked
            if any(t % 1 for t in told):
                fractional.add(name)
            # The students have the same weights: a single model asked by the scheduler alone gives the same images.
            scheduler = make()
            scheduler.set_timesteps(7)
            x = latents * scheduler.init_noise_sigma
            noise = {'generator': torch.Generator().manual_seed(1)} if name == 'DDPMScheduler' else {}
            with torch.no_grad():
                for t in scheduler.timesteps:
                    x = scheduler.step(model(scheduler.scale_model_input(x, t), t).sample, t, x, **noise).prev_sample
            single = ((x / 2 + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1).numpy().astype(int)
            assert abs(ensemble - single).max() <= 1, (name, options, abs(ensemble - single).max())
        assert fractional == {'EulerDiscreteScheduler', 'HeunDiscreteScheduler'}, fractional
        """);
  }

  @Test
  @RequiresPython
  void shouldTellClassesToUNetsAndTransformers() throws Exception {
    Network transformer =
        Network.of(NetworkSpec.of(new TransformerSpec(2, 2, 2, 8, 1e-5, true)), 8, 3, 4);
    export(
        4,
        List.of(
            student(1, unet(8, 4, Variant.DDPM), 0, 400),
            Trained.of(
                ModelKey.student(2), transformer, ClosedForm.weights(transformer), 400, 1000)));
    Python.run(
        directory,
        PRELUDE
            + """
        from diffusers import DiTTransformer2DModel
        pipe = load()
        theirs = pixels(pipe)
        assert abs(theirs - ours).max() <= 1, abs(theirs - ours).max()
        assert (pixels(pipe, class_labels=[0, 1, 2, 3]) == theirs).all()
        assert (pixels(pipe, class_labels=[1, 0, 3, 2]) != theirs).any()
        half = pixels(load(torch_dtype=torch.float16))
        assert abs(half - ours).mean() < 4, abs(half - ours).mean()
        model = DiTTransformer2DModel.from_pretrained(os.path.join(out, 'student-2'), subfolder='transformer')
        t, y = torch.full((4,), 700), torch.arange(4)
        with torch.no_grad():
            alone = model(latents, t, class_labels=y).sample[:, :3]
            assert torch.equal(alone, pipe.ensemble(latents, 700, class_labels=y).sample)
        for labels in ([0, 1], [0, 1, 2, 4]):
            try:
                pixels(pipe, class_labels=labels)
                raise SystemExit('no error')
            except ValueError as e:
                assert 'expected 4 class_labels in [0, 4), found' in str(e), e
        """);
  }

  /**
   * The teacher and the one-to-one student sample alone; a merged ensemble lies beside the other.
   */
  @Test
  @RequiresPython
  void shouldBePipelinesOfDiffusersWhereAModelOwnsEveryTimestep() throws Exception {
    Network network = unet(8, 0, Variant.DDPM);
    Trained teacher = Trained.of(ModelKey.TEACHER, network, ClosedForm.weights(network), 0, 1000);
    ExportedFolder export = export(0, List.of(teacher));
    assertThat(export.folders.addEnsemble(List.of(teacher.model()), "merged/", "merged")).isEmpty();
    Python.run(
        directory,
        PRELUDE
            + """
        from diffusers import DDIMPipeline, DDIMScheduler
        assert abs(pixels(load()) - ours).max() <= 1
        merged = os.path.join(out, 'merged')
        again = DiffusionPipeline.from_pretrained(merged, custom_pipeline=merged, trust_remote_code=True)
        assert abs(pixels(again) - ours).max() <= 1
        alone = DDIMPipeline.from_pretrained('teacher')
        assert isinstance(alone.unet, UNet2DModel) and isinstance(alone.scheduler, DDIMScheduler)
        alone.set_progress_bar_config(disable=True)
        assert alone(num_inference_steps=2).images[0].size == (8, 8)
        from safetensors import safe_open
        with safe_open('teacher/unet/diffusion_pytorch_model.safetensors', 'pt') as f:
            assert f.metadata()['format'] == 'pt' and f.metadata()['model'] == 'teacher', f.metadata()
        from huggingface_hub import ModelCard
        card = ModelCard.load('README.md')
        assert card.data.license == 'unknown' and card.data.library_name == 'diffusers', card.data
        assert '| [teacher](teacher/unet) | [0, 1000) | 8 |' in card.text and '| o2mkd | fid | 12.50 |' in card.text, card.text
        """);
  }

  /** Where its groups are said, since diffusers has one number of groups for all widths. */
  @Test
  @RequiresPython
  void shouldLoadAStudentThatWasCutOutOfTheTeacher() throws Exception {
    Network teacher = unet(8, 0, Variant.DDPM);
    Network narrow = unet(4, 0, Variant.DDPM);
    Map<String, HostTensor> weights = ClosedForm.weights(teacher);
    Map<String, HostTensor> cut =
        new ChannelPruning(teacher, narrow)
            .prune(
                weights,
                ChannelPruning.magnitudes(weights),
                ChannelPruning.Criterion.MAGNITUDE,
                1000);
    Trained student = Trained.of(ModelKey.student(1), narrow, cut, 0, 1000);
    export(0, List.of(student));
    Python.run(directory, PRELUDE + "assert abs(pixels(load()) - ours).max() <= 1");
  }

  @Test
  void shouldLeaveOutWhatDiffusersHasNoClassFor() throws Exception {
    Network uneven = // groups of 4 channels: 2 in the first level, 4 in the second
        Network.of(new NetworkSpec(8, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);
    Trained with = student(1, unet(8, 0, Variant.DDPM), 0, 500);
    Trained without = student(2, uneven, 500, 1000);
    ExportedFolder export = new ExportedFolder(directory, SPEC, 8, 0);
    export.add(with);
    export.add(without);
    assertThat(directory.resolve("student-1/unet/config.json")).exists();
    assertThat(directory.resolve("student-2.safetensors")).exists();
    assertThat(directory.resolve("student-2")).doesNotExist();
    assertThat(export.folders.without()).containsExactly(ModelKey.student(2));
    assertThat(export.folders.addEnsemble(models(List.of(with, without)), "", "o2mkd"))
        .contains("a range is owned by student-2, which has no folder for diffusers");
    assertThat(directory.resolve("pipeline.py")).doesNotExist();
  }

  /** Each file is its own model in diffusers, or none. */
  @Test
  @RequiresPython
  void shouldLoadNoFileIntoAnotherNetwork() throws Exception {
    NetworkSpec byWidth = new NetworkSpec(8, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty());
    NetworkSpec heads = new NetworkSpec(8, List.of(1, 2), 1, List.of(8), 2, 0.0, Optional.of(4));
    NetworkSpec first = new NetworkSpec(8, List.of(2, 2), 1, List.of(), 1, 0.0, Optional.of(4));
    NetworkSpec transformer = NetworkSpec.of(new TransformerSpec(2, 2, 2, 8, 1e-5, false));
    export( // without the pipeline that only the first has a folder for
        List.of(
            student(1, unet(8, 0, Variant.DDPM), 0, 200),
            student(2, Network.of(byWidth, 8, 3), 200, 400),
            student(3, Network.of(heads, 8, 3), 400, 600),
            student(4, Network.of(first, 8, 3), 600, 800),
            student(5, Network.of(transformer, 8, 3), 800, 1000)));
    Python.run(
        directory,
        """
        import json, shutil, torch
        from diffusers import DiTTransformer2DModel, UNet2DModel
        from safetensors import safe_open
        from safetensors.torch import load_file
        x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        t = torch.tensor([3, 998])
        def ours(name):
            return torch.jit.load(name + '.pt')(x, t)
        def answer(model):
            with torch.no_grad():
                return model.eval()(x, t).sample
        def metadata(name):
            with safe_open(name + '.safetensors', 'pt') as f:
                return f.metadata()
        def refused(load):
            try:
                load()
            except (RuntimeError, ValueError):
                return True
            return False
        def taken(name, model):
            # However one may try: each must refuse.
            tensors = load_file(name + '.safetensors')
            folder = name + '-tried'
            model.save_pretrained(folder)
            shutil.copy(name + '.safetensors', folder + '/diffusion_pytorch_model.safetensors')
            loads = {
                'strict': lambda: model.load_state_dict(tensors),
                'not strict': lambda: model.load_state_dict(tensors, strict=False),
                'folder': lambda: type(model).from_pretrained(folder),
                'folder, by copying': lambda: type(model).from_pretrained(folder, low_cpu_mem_usage=False),
                'TorchScript': lambda: model.load_state_dict(torch.jit.load(name + '.pt').state_dict())}
            return [how for how, load in loads.items() if not refused(load)]
        def former(name):
            start = 'not_for_diffusers.'
            return {n[len(start):]: v for n, v in load_file(name + '.safetensors').items() if n.startswith(start)}
        def unet(**options):
            return UNet2DModel.from_config({**json.loads(metadata('student-1')['diffusers']), **options})

        assert taken('student-1', unet()) == ['strict', 'not strict', 'folder', 'folder, by copying'], taken('student-1', unet())
        model = unet()
        model.load_state_dict(load_file('student-1.safetensors'))
        assert torch.allclose(answer(model), ours('student-1'), atol=1e-5)

        plain = {'down_block_types': ['DownBlock2D', 'DownBlock2D'], 'up_block_types': ['UpBlock2D', 'UpBlock2D']}
        attending = {'down_block_types': ['AttnDownBlock2D', 'DownBlock2D'], 'up_block_types': ['UpBlock2D', 'AttnUpBlock2D']}
        tried = (
            [('student-2', {**plain, 'norm_num_groups': g}) for g in (1, 2, 4, 8)]
            + [('student-3', {**attending, 'attention_head_dim': d}) for d in (None, 2, 4, 8)])
        for name, options in tried:
            assert 'diffusers' not in metadata(name), name
            assert taken(name, unet(**options)) == [], (name, options, taken(name, unet(**options)))
            # Negative control: under diffusers' names it is taken, and wrong.
            model = unet(**options)
            model.load_state_dict(former(name))
            off = (answer(model) - ours(name)).abs().max()
            assert off > 1e-3, (name, options, off)
        for options in (plain, {**plain, 'block_out_channels': [16, 16]}):
            assert taken('student-4', unet(**options)) == []
        transformer = DiTTransformer2DModel(
            num_attention_heads=2, attention_head_dim=8, in_channels=3, out_channels=3, num_layers=2, sample_size=8,
            patch_size=2, num_embeds_ada_norm=4)
        assert taken('student-5', transformer) == []
        """);
  }

  private void export(List<Trained> students) throws Exception {
    ExportedFolder export = new ExportedFolder(directory, SPEC, 8, 0);
    for (Trained student : students) {
      export.add(student);
    }
    export.sample(students, 4);
  }

  private static Path stableDiffusion() throws Exception {
    return Path.of(DiffusersFoldersTest.class.getResource("/pipeline/sd1").toURI());
  }

  /** Of students that all have the teacher's weights, the images are the teacher's. */
  @ParameterizedTest
  @RequiresPython
  @EnumSource(Parts.class)
  void shouldBeAPipelineOfTextsWithTheTeachersParts(Parts carried) throws Exception {
    Path teacher = stableDiffusion();
    Denoiser unet = Denoiser.read(teacher, Optional.empty());
    PipelineParts parts = PipelineParts.of(files(teacher), carried).orElseThrow();
    assertThat(parts.files()).hasSize(8).doesNotContainKey("unet/config.json");
    ExportedFolder export =
        new ExportedFolder(
            directory,
            """
            {"name": "texts", "dataset": {"source": "shapes?count=64&seed=1", "resolution": 8},
             "diffusion": {"schedule": "scaled-linear", "betaStart": 0.00085, "betaEnd": 0.012},
             "evaluation": {"sampler": {"kind": "ddim", "steps": 4, "spacing": "uniform", "clip": false}}}
            """,
            new DatasetRef("sha", 12, 8, 4, 0, 0),
            Optional.of(parts));
    List<Trained> students =
        List.of(
            Trained.of(ModelKey.student(1), unet.network(), unet.tensors(), 0, 400),
            Trained.of(ModelKey.student(2), unet.network(), unet.tensors(), 400, 1000));
    for (Trained student : students) {
      export.add(student);
    }
    assertThat(export.folders.addEnsemble(models(students), "", "o2mkd")).isEmpty();
    assertThat(export.folders.addEnsemble(models(students), "merged/", "merged")).isEmpty();
    Python.run(
        directory,
        """
        import os
        os.environ.update(HF_HOME=os.path.abspath('hf'), HF_HUB_OFFLINE='1')
        import numpy, torch
        from diffusers import AutoencoderKL, DiffusionPipeline, StableDiffusionPipeline, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer
        teacher = StableDiffusionPipeline.from_pretrained(TEACHER)
        def images(pipe, **options):
            pipe.set_progress_bar_config(disable=True)
            latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))
            return pipe(['a cat', 'two dogs'], latents=latents.to(pipe.unet.dtype), num_inference_steps=4, output_type='np',
                        **options).images
        given = {} if COPIED else {
            'vae': AutoencoderKL.from_pretrained(TEACHER, subfolder='vae'),
            'text_encoder': CLIPTextModel.from_pretrained(TEACHER, subfolder='text_encoder'),
            'tokenizer': CLIPTokenizer.from_pretrained(TEACHER, subfolder='tokenizer')}
        assert os.path.isfile('vae/config.json') == COPIED
        for folder in ('.', 'merged'):
            out = os.path.abspath(folder)
            pipe = DiffusionPipeline.from_pretrained(out, custom_pipeline=out, trust_remote_code=True, **given)
            teacher.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
            wanted = images(teacher)
            assert wanted.std() > 0.01, wanted.std()
            found = images(pipe)
            assert len(pipe.unet.loaded) == 2
            assert numpy.abs(found - wanted).max() < 1e-5, numpy.abs(found - wanted).max()
            assert numpy.abs(images(pipe, guidance_scale=1.0) - wanted).max() > 1e-4
            pipe.enable_model_loading_in_turn()
            assert (images(pipe) == found).all() and len(pipe.unet.loaded) == 1
        student = UNet2DConditionModel.from_pretrained('student-1', subfolder='unet')
        assert torch.equal(student.conv_in.weight, teacher.unet.conv_in.weight)
        """
            .replace("TEACHER", "'" + teacher + "'")
            .replace("COPIED", carried == Parts.COPIED ? "True" : "False"));
  }

  private static Map<String, Path> files(Path folder) throws IOException {
    Map<String, Path> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      all.filter(Files::isRegularFile)
          .forEach(file -> files.put(folder.relativize(file).toString(), file));
    }
    return files;
  }

  @Test
  void shouldTakeNoPartsOfATeacherThatReadsNoTexts() throws Exception {
    Map<String, Path> files = files(stableDiffusion());
    files.keySet().removeIf(file -> file.startsWith("text_encoder/"));
    assertThat(PipelineParts.of(files, Parts.COPIED)).isEmpty();
    assertThat(PipelineParts.of(Map.of(), Parts.COPIED)).isEmpty();
  }

  /** Its networks are told t + 1 there, where ours are told t. */
  @Test
  @RequiresPython
  void shouldTurnTheWeightsOfAFlow() throws Exception {
    Network network = unet(8, 0, Variant.DDPM);
    List<Trained> students = List.of(student(1, network, 0, 500), student(2, network, 500, 1000));
    ExportedFolder export =
        new ExportedFolder(
            directory,
            SPEC.replace("\"students\"", "\"diffusion\": {\"prediction\": \"flow\"}, \"students\""),
            8,
            0);
    for (Trained student : students) {
      export.add(student);
    }
    assertThat(export.folders.addEnsemble(models(students), "", "o2mkd")).isEmpty();
    export.sample(students, 4);
    Python.run(
        directory,
        PRELUDE
            + """
        pipe = load()
        assert [(s['low'], s['high']) for s in pipe.ensemble.config['students']] == [(1, 501), (501, 1001)]
        from safetensors.torch import load_file
        theirs, ours_at_t = load_file('student-1/unet/diffusion_pytorch_model.safetensors'), load_file('student-1.safetensors')
        turned = 'time_embedding.linear_1.weight'
        assert not torch.allclose(theirs[turned], ours_at_t[turned])
        told = UNet2DModel.from_pretrained('student-1', subfolder='unet')
        plain = UNet2DModel.from_pretrained('student-1', subfolder='unet')
        plain.load_state_dict(ours_at_t)
        with torch.no_grad():
            for t in (0, 17, 499):
                assert torch.allclose(told(latents, t + 1).sample, plain(latents, t).sample, atol=1e-4)
            assert not torch.allclose(told(latents, 17).sample, plain(latents, 17).sample, atol=1e-4)
        # Students of the same weights: one model that is told t, asked by the scheduler alone.
            scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
            scheduler.set_timesteps(10)
            x = latents
            for t in scheduler.timesteps:
                x = scheduler.step(plain(x, t - 1).sample, t, x).prev_sample
        alone = ((x / 2 + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1).numpy().astype(int)
        images = pixels(pipe)
        assert abs(images - alone).max() <= 1, abs(images - alone).max()
        """);
  }
}

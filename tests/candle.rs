//! A model of candle's, trained, saved in a store, and restored.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use candle_core::{DType, Device, Tensor};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, loss};
use varkeep::interop::{self, candle};
use varkeep::{Checkpoint, Store};

struct Model {
    hidden: Linear,
    out: Linear,
}

impl Model {
    fn new(from: &VarBuilder<'_>) -> Self {
        Self { hidden: linear(64, 512, from.pp("hidden")).unwrap(), out: linear(512, 3, from.pp("out")).unwrap() }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.out.forward(&self.hidden.forward(x).unwrap().relu().unwrap()).unwrap()
    }
}

fn output(model: &Model, x: &Tensor) -> Vec<Vec<f32>> {
    model.forward(x).to_vec2().unwrap()
}

#[test]
fn a_trained_model_comes_back_with_the_same_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.varkeep");
    let device = Device::Cpu;
    let vars = VarMap::new();
    let model = Model::new(&VarBuilder::from_varmap(&vars, DType::F32, &device));
    let x = Tensor::randn(0_f32, 1.0, (8, 64), &device).unwrap();
    let wanted = Tensor::new(&[0_u32, 1, 2, 0, 1, 2, 0, 1], &device).unwrap();
    let store = Store::open(&path).unwrap();
    let first = candle::save(&vars, &store, "step-0").unwrap();
    let at_first = output(&model, &x);
    let mut optimizer = AdamW::new(vars.all_vars(), ParamsAdamW::default()).unwrap();
    for _ in 0..3 {
        let loss = loss::cross_entropy(&model.forward(&x), &wanted).unwrap();
        optimizer.backward_step(&loss).unwrap();
    }
    let trained = output(&model, &x);
    assert_ne!(trained, at_first);
    candle::save(&vars, &store, "step-3").unwrap();
    let again = candle::save(&vars, &store, "again").unwrap();
    assert_eq!((again.bytes_new, again.bytes_shared), (0, first.bytes_new), "nothing changed, so nothing is written");
    // One variable changes: its chunks are written, those of the others are not.
    let bias = vars.data().lock().unwrap()["out.bias"].clone();
    bias.set(&Tensor::new(&[1_f32, 2.0, 3.0], &device).unwrap()).unwrap();
    assert_eq!(candle::save(&vars, &store, "bias").unwrap().bytes_new, 12);

    let source = Checkpoint::open(&path, "step-3").unwrap().to_source().unwrap();
    let restored = Model::new(&candle::var_builder(source, DType::F32, &device));
    assert_eq!(output(&restored, &x), trained);

    let others = VarMap::new();
    let other = Model::new(&VarBuilder::from_varmap(&others, DType::F32, &device));
    candle::load(&others, &*Checkpoint::open(&path, "step-0").unwrap().to_source().unwrap()).unwrap();
    assert_eq!(output(&other, &x), at_first);
    // What the store holds is what was saved, not what candle did to its memory since.
    let held = store.find("out.bias").unwrap().unwrap().read::<f32>().unwrap().iter().copied().collect::<Vec<f32>>();
    bias.set(&Tensor::zeros(3, DType::F32, &device).unwrap()).unwrap();
    assert_eq!(held, [1.0, 2.0, 3.0]);
    assert_eq!(
        store.find("out.bias").unwrap().unwrap().read::<f32>().unwrap().iter().copied().collect::<Vec<f32>>(),
        held
    );

    // candle's own files and ours are the same.
    let file = folder.path().join("model.safetensors");
    vars.save(&file).unwrap();
    candle::load(&others, &*interop::open(&file).unwrap()).unwrap();
    assert_eq!(output(&other, &x), output(&model, &x));
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("s.varkeep")).unwrap();
    let device = Device::Cpu;
    let save = |sizes: &[usize], dtype| {
        let vars = VarMap::new();
        VarBuilder::from_varmap(&vars, dtype, &device).get(sizes, "w").unwrap();
        candle::save(&vars, &store, format!("{sizes:?}").replace(' ', ""))
    };
    save(&[2, 3], DType::F32).unwrap();
    for refused in [save(&[3, 2], DType::F32), save(&[2, 3], DType::F64)] {
        assert_eq!(refused.unwrap_err().variable(), Some("w"));
    }
}

//! The volumes that a request asks for. They have no effect on a machine of one's own; they are
//! checked, kept and shown again without a device, since none is attached.

use serde::{Deserialize, Serialize};

use crate::emr::error::EmrError;

const TYPES: [&str; 6] = ["gp2", "gp3", "io1", "st1", "sc1", "standard"];
const MOST_VOLUMES: u32 = 25;
const LARGEST_GIB: u32 = 65_536;

/// `EbsConfiguration`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EbsConfiguration {
    /// The volumes of each instance.
    pub ebs_block_device_configs: Vec<BlockDevice>,
    /// As given.
    pub ebs_optimized: Option<bool>,
}

/// `EbsBlockDeviceConfig`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BlockDevice {
    /// What each is like.
    pub volume_specification: Volume,
    /// How many of them; 1 when not given.
    pub volumes_per_instance: Option<u32>,
}

/// `VolumeSpecification`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Volume {
    /// `gp2` and so on.
    pub volume_type: String,
    /// Operations per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// GiB.
    #[serde(rename = "SizeInGB")]
    pub size_in_gb: u32,
    /// MiB per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<u32>,
}

/// `EbsBlockDevice`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shown {
    volume_specification: Volume,
}

impl EbsConfiguration {
    /// Checks types, sizes and numbers (`VolumeSpecification`, EMR API Reference).
    pub(crate) fn check(&self) -> Result<(), EmrError> {
        for device in &self.ebs_block_device_configs {
            let volume = &device.volume_specification;
            if !TYPES.contains(&volume.volume_type.as_str()) {
                return Err(EmrError::validation(format!(
                    "The EBS VolumeType '{}' is not one of {}.",
                    volume.volume_type,
                    TYPES.join(", ")
                )));
            }
            if !(1..=LARGEST_GIB).contains(&volume.size_in_gb) {
                return Err(EmrError::validation(format!(
                    "The EBS volume's SizeInGB must be between 1 and {LARGEST_GIB}."
                )));
            }
            if volume.volume_type == "io1" && volume.iops.is_none() {
                return Err(EmrError::validation(
                    "An EBS volume of the type io1 needs Iops.",
                ));
            }
        }
        let counts = self.ebs_block_device_configs.iter().map(BlockDevice::count);
        let count = counts.fold(0, u32::saturating_add);
        let any_zero = self
            .ebs_block_device_configs
            .iter()
            .any(|device| device.count() == 0);
        if any_zero || count > MOST_VOLUMES {
            return Err(EmrError::validation(format!(
                "An instance can have 1 to {MOST_VOLUMES} EBS volumes; VolumesPerInstance counts \
                 them."
            )));
        }
        Ok(())
    }

    /// Each volume.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let of = |device: &BlockDevice| {
            let volume = device.volume_specification.clone();
            (0..device.count()).map(move |_| Shown {
                volume_specification: volume.clone(),
            })
        };
        self.ebs_block_device_configs.iter().flat_map(of).collect()
    }
}

impl BlockDevice {
    fn count(&self) -> u32 {
        self.volumes_per_instance.unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(device: Value) -> EbsConfiguration {
        serde_json::from_value(json!({"EbsBlockDeviceConfigs": [device]})).unwrap()
    }

    fn volume(kind: &str, size: u32, count: u32) -> EbsConfiguration {
        read(
            json!({"VolumeSpecification": {"VolumeType": kind, "SizeInGB": size},
            "VolumesPerInstance": count}),
        )
    }

    #[test]
    fn volumes_keep_to_the_rules_and_are_shown_one_by_one() {
        let good = volume("gp3", 64, 2);
        good.check().unwrap();
        assert_eq!(good.shown().len(), 2);
        let one = read(json!({"VolumeSpecification": {"VolumeType": "gp2", "SizeInGB": 1}}));
        one.check().unwrap();
        assert_eq!(one.shown().len(), 1);
        for bad in [
            volume("gp9", 64, 1),
            volume("gp2", 0, 1),
            volume("gp2", 64, 0),
            volume("gp2", 64, 26),
            volume("gp2", 64, u32::MAX),
            volume("io1", 64, 1),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
